"""Models from files: a run's best one, any checkpoint, and bare weights that were saved by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from nsm.config import load_config
from nsm.config.imported import is_import_path
from nsm.data.triples import Schema
from nsm.errors import CheckpointError, DataError, NSMError
from nsm.models import build_model
from nsm.models.imported import require_importable
from nsm.pipeline.datasets import load_graphs
from nsm.pipeline.reopening import run_config
from nsm.runs import Run, list_runs, resolve_root
from nsm.training.checkpoints import load_checkpoint, load_weights
from nsm.training.inspection import open_checkpoint

if TYPE_CHECKING:
    from nsm.config import Config

__all__ = ["load_model", "open_model"]

Shapes = dict[str, tuple[int, ...]]


def load_model(run: Run, checkpoint: Path | None = None) -> nn.Module:
    """The model of a run with its best weights, in evaluation mode.

    Args:
        run: The run.
        checkpoint: Another file than ``best_model.pt``; bare weights that were saved by hand will do.

    Raises:
        CheckpointError: If the file is missing, damaged or for another model.
    """
    file = checkpoint or run.best
    content = open_checkpoint(file)
    told = content if "schema" in content else _whole_checkpoint(run)
    return _build(run_config(run), told, content, file)


def open_model(path: Path | str, *, config: Config | None = None, root: Path | None = None) -> nn.Module:
    """The model of any checkpoint, in evaluation mode; no run is named.

    A checkpoint says itself what it is of. Bare weights do not: they are put into a model of ``config``, or into that
    of the latest run below the root whose weights have the same names and shapes.

    Args:
        path: The file.
        config: What the weights were trained with; its data are built if they are not there yet.
        root: Where runs are sought; see :func:`nsm.runs.resolve_root`.

    Raises:
        CheckpointError: If the file is missing or damaged, for another model, or no run has such weights; or if it is
            of a user's own network and ``config`` does not name that.
    """
    path = Path(path)
    content = open_checkpoint(path)
    if "schema" in content:
        return _build(config or _own_config(content, path), content, content, path)
    if config is not None:
        require_importable(config)
        schema = load_graphs(config, quiet=True).schema
        return _build(config, {"schema": schema.to_json()}, content, path)
    run, told = _same_architecture(content["model_state_dict"], path, resolve_root(root))
    return _build(run_config(run), told, content, path)


def _own_config(content: Mapping[str, Any], path: Path) -> Config:
    """The configuration that a checkpoint holds.

    Raises:
        CheckpointError: If it names code to import: a file alone makes nothing run.
    """
    config = load_config(None, [], **content["config"])
    if is_import_path(config.model):
        message = f"the checkpoint is of {config.model}, code that is not imported because a file says so"
        raise CheckpointError(message, file=path, hint="open_model(path, config=...) with that model, if you trust it")
    return config


def _build(config: Config, told: Mapping[str, Any], content: dict[str, Any], file: Path) -> nn.Module:
    """A model of a configuration and the schema that was told, with the weights of a file's content."""
    try:
        schema = Schema.from_json(told["schema"])
    except (AttributeError, TypeError, DataError) as error:
        raise CheckpointError(f"the checkpoint is damaged: its schema is wrong ({error})", file=file) from error
    model = build_model(config, schema)
    load_weights(model, content, file)
    return model.eval()


def _whole_checkpoint(run: Run) -> dict[str, Any]:
    """A checkpoint of a run that says what it is of.

    Raises:
        CheckpointError: If there is none.
    """
    for path in run.checkpoints:
        try:
            return load_checkpoint(path)
        except CheckpointError:
            continue
    message = "the run has no whole checkpoint, which would tell what its graphs hold"
    raise CheckpointError(message, file=run.folder, hint="open_model(path, config=...) does without a run")


def _same_architecture(weights: Mapping[str, Any], path: Path, root: Path) -> tuple[Run, dict[str, Any]]:
    """The latest run whose weights have these names and shapes, those of the file's own domain first."""
    wanted, seen = _shapes(weights), 0
    for run in _candidates(path, root):
        try:
            found = _whole_checkpoint(run)
        except NSMError:
            continue
        if is_import_path(str(found["config"].get("model"))):
            continue  # its code is not imported for a file that does not name it
        seen += 1
        if _shapes(found["model_state_dict"]) == wanted:
            return run, found
    message = f"these are bare weights, and none of the {seen} runs in {root} has weights of the same names and shapes"
    raise CheckpointError(message, file=path, hint="say what they were trained with: open_model(path, config=...)")


def _candidates(path: Path, root: Path) -> Iterator[Run]:
    runs, home = list_runs(root)[::-1], path.absolute().parent
    near = [run for run in runs if run.folder.absolute().is_relative_to(home)]
    yield from near
    yield from (run for run in runs if run not in near)


def _shapes(weights: Mapping[str, Any]) -> Shapes:
    return {name: tuple(weight.shape) for name, weight in weights.items()}
