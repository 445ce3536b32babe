"""A run opened again: its configuration, its data, its training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nsm.analysis.run_results import read_tables
from nsm.config import Config, load_config
from nsm.config.imported import is_import_path, refuse_code_in
from nsm.errors import CheckpointError, ConfigError
from nsm.pipeline.datasets import load_graphs, open_cached
from nsm.runs import Run
from nsm.training.recovery import FREE_KEYS, newest_checkpoint, require_same_training

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["continued_config", "require_continuation", "run_config", "run_graphs"]


def run_config(
    run: Run,
    root: Path | None = None,
    overrides: Sequence[str] = (),
    *,
    data: Path | None = None,
    **keywords: object,
) -> Config:
    """What ran, with the root where the run is now: it may have been moved since.

    Args:
        run: The run.
        root: Where runs are kept, if that is known.
        overrides: Pairs ``key=value`` that beat what ran.
        data: Where the user's own data are now, if they have been moved.
        **keywords: Values that beat those.

    Raises:
        ConfigError: If it names code that lies inside its own folder: opening a run runs nothing that came with it. Or
            if a folder is given for data that a source makes.
    """
    folder = run.folder.resolve()
    home = folder.parents[2] if folder.parent.name == "runs" else None
    config = load_config(run.config, overrides, **keywords)
    for key, path in (("model", config.model), ("own.source", config.own.source)):
        if path is not None and is_import_path(path):
            refuse_code_in(folder, path, key)
    if data is not None and config.own.source is not None:
        message = f"data: the graphs of this run are made by {config.own.source}, so there is no folder of them"
        raise ConfigError(message, file=run.config, hint="leave out --data")
    own = config.own if data is None else config.own.model_copy(update={"data": data})
    return config.model_copy(update={"root": root or home, "run": run.name, "own": own})


def run_graphs(run: Run, config: Config, fingerprint: str, *, quiet: bool = False) -> PackedGraphs:
    """Exactly the data that the run was trained on: from the cache, even if today's code would make others.

    Args:
        run: The run.
        config: Its configuration.
        fingerprint: That of the data.
        quiet: Whether to show no progress.

    Raises:
        CheckpointError: If they can be neither found nor made.
    """
    graphs = open_cached(config, str(read_tables(run)[1].get("dataset", "")))
    if graphs is None or graphs.fingerprint != fingerprint:
        graphs = load_graphs(config, quiet=quiet)
    if graphs.fingerprint != fingerprint:
        message = "the data that its configuration gives now are not those that it was trained on"
        hint = "bring back the data files and the version of NSM that its config.toml names"
        raise CheckpointError(message, file=run.config, hint=hint)
    return graphs


def continued_config(
    run: Run, *, root: Path | None = None, epochs: int | None = None, overrides: Sequence[str] = ()
) -> Config:
    """The configuration that a run goes on with.

    Args:
        run: The run.
        root: Where runs are kept, if that is known.
        epochs: Passes over the training data in all, if there are to be others than planned.
        overrides: Pairs ``key=value``, for keys that may differ; the user's own data may have been moved.

    Raises:
        ConfigError: If anything else would change.
    """
    for key in ("root", "run"):
        if any(pair.partition("=")[0].strip() == key for pair in overrides):
            raise ConfigError(f"{key}: expected nothing here, since a run goes on in its own folder", file=run.config)
    before, config = run_config(run, root), run_config(run, root, overrides, epochs=epochs)
    allowed = FREE_KEYS - {"root", "run"} | {"own"}
    for key in type(config).model_fields:
        if key not in allowed and getattr(before, key) != getattr(config, key):
            hint = f"it can change {', '.join(sorted(allowed))}; for the rest begin a new run"
            raise ConfigError(f"{key}: a run goes on with what it began with", file=run.config, hint=hint)
    return config


def require_continuation(run: Run, config: Config, fingerprint: str) -> None:
    """Makes sure, before anything is changed, that a run can go on.

    Raises:
        CheckpointError: If its checkpoints are damaged, or of other data or another configuration.
        ConfigError: If it has more epochs already than it is to have.
    """
    found = newest_checkpoint(run, lambda _: None)
    if found is None:
        return
    path, checkpoint = found
    require_same_training(config, fingerprint, checkpoint, path)
    if checkpoint["epoch"] > config.epochs:
        message = f"epochs: expected at least the {checkpoint['epoch']} that are finished, got {config.epochs}"
        raise ConfigError(message, file=path)
