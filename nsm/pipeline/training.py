"""From a configuration to a trained model in a run folder."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from rich.console import Console
from torch import nn

import nsm
from nsm.analysis.description import mean_known_ceiling
from nsm.analysis.metrics import majority
from nsm.analysis.run_results import read_tables
from nsm.config.reading import PROVENANCE
from nsm.config.toml import to_toml
from nsm.models import build_model
from nsm.models.build import tell_training_graphs
from nsm.models.imported import require_importable
from nsm.pipeline.datasets import default_dataset_name, load_graphs, require_honest
from nsm.pipeline.domains import open_task
from nsm.pipeline.reopening import continued_config, require_continuation, run_graphs
from nsm.pipeline.validation_figures import draw_validation
from nsm.runs import (
    Run,
    create_run,
    discarding,
    ensure_writable,
    exclusive,
    find_run,
    require_unused,
    resolve_root,
    write_text,
)
from nsm.training import Callback, Trainer, TrainResult
from nsm.training.checkpoints import promote
from nsm.training.device import arithmetic, open_fabric, process_count, require_device
from nsm.training.processes import Processes
from nsm.training.progress import TrainingProgress
from nsm.training.seeds import seed_everything
from nsm.training.tensorboard import TensorBoard

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.packed import PackedGraphs

__all__ = ["build_trainer", "finish", "rebuild_trainer", "resume", "train"]


def train(config: Config, *, callbacks: Sequence[Callback] = (), quiet: bool = False) -> TrainResult:
    """Builds and audits the data, trains, and keeps the best model of the domain up to date.

    A run on a knowledge graph trains a link scorer as well, which ranks when the run is evaluated. Where ``torchrun``
    has started several processes, each calls this, and they train together; the first one writes.

    Args:
        config: What to train, and how.
        callbacks: Told of each event of the training.
        quiet: Whether to show no progress.

    Raises:
        RunError: If the root cannot be written, the run exists already, the loss is not finite any more, or the disk
            is full.
        DataError: If the user's files are malformed, or the data fails its audit.
    """
    with arithmetic(config):
        trainer = build_trainer(config, callbacks=callbacks, quiet=quiet)
        trainer.fit()
        return finish(trainer, quiet=quiet)


def resume(
    run: Run | str | Path,
    *,
    epochs: int | None = None,
    overrides: Sequence[str] = (),
    root: Path | None = None,
    callbacks: Sequence[Callback] = (),
    quiet: bool = False,
) -> TrainResult:
    """Goes on with a run where it stands, to the same end as if it had never stopped.

    Args:
        run: The run, its folder, or its name below the root.
        epochs: Passes over the training data in all, if there are to be more than planned.
        overrides: Pairs ``key=value`` for what may differ: see :data:`nsm.training.recovery.FREE_KEYS`.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.
        callbacks: Told of each event of the training.
        quiet: Whether to show no progress.

    Raises:
        RunError: If there is no such run, or something trains it now.
        CheckpointError: If its checkpoints are damaged, of another format, other data or another model.
        ConfigError: If something would change that must not.
    """
    run = run if isinstance(run, Run) else find_run(run, resolve_root(root))
    config = continued_config(run, root=root, epochs=epochs, overrides=overrides)
    with arithmetic(config):
        trainer = rebuild_trainer(run, config, callbacks=callbacks, quiet=quiet)
        trainer.fit()
        return finish(trainer, quiet=quiet)


def build_trainer(config: Config, *, callbacks: Sequence[Callback] = (), quiet: bool = False) -> Trainer:
    """Everything up to the first step, for those who want to go epoch by epoch.

    Raises:
        RunError: If the root cannot be written, the run exists already, or a split is empty.
        DataError: If the user's files are malformed, or the data fails its audit.
        ConfigError: If this machine cannot do what is configured.
    """
    processes = Processes(open_fabric(config))  # refuses what this machine cannot do before minutes are spent on data
    require_importable(config)
    if not processes.is_lead:  # the first process makes the data, which are then in the cache
        config, run = config.with_absolute_paths(), processes.share(None)
        seed_everything(config.seed)
        graphs = load_graphs(config, quiet=True)
        return _trainer(config, run, graphs, build_model(config, graphs.schema), callbacks, quiet=True)
    root = resolve_root(config.root)
    require_unused(root, config.domain, config.run)
    open_task(config)  # a mistake in the user's files leaves nothing behind
    ensure_writable(root)
    config = config.with_absolute_paths()  # the run can then be evaluated from another folder
    graphs = load_graphs(config, quiet=quiet)
    require_honest(graphs, config, quiet=quiet)
    seed_everything(config.seed)
    model = build_model(config, graphs.schema)
    run = create_run(root, config.domain, config.run, _record(config, graphs, model))
    with discarding(run):
        processes.share(run)
        return _trainer(config, run, graphs, model, callbacks, quiet=quiet)


def rebuild_trainer(run: Run, config: Config, *, callbacks: Sequence[Callback] = (), quiet: bool = False) -> Trainer:
    """A trainer that goes on with a run; its state is read when its epochs begin.

    Args:
        run: The run.
        config: From :func:`~nsm.pipeline.reopening.continued_config`.
        callbacks: Told of each event of the training.
        quiet: Whether to show no progress.

    Raises:
        RunError: If something trains the run now.
        CheckpointError: If its checkpoints are damaged, of another format, other data or another model.
    """
    processes = Processes(open_fabric(config))
    require_importable(config)
    told = read_tables(run)[1]
    fingerprint = str(told.get("data_fingerprint"))
    if processes.is_lead:
        with exclusive(run):
            run.stop.unlink(missing_ok=True)  # it was meant for whoever trained here before
            graphs = run_graphs(run, config, fingerprint, quiet=quiet)
            require_continuation(run, config, fingerprint)
            write_text(run.config, to_toml({**config.to_json(), PROVENANCE: told}))
    processes.wait()
    if not processes.is_lead:
        graphs = run_graphs(run, config, fingerprint, quiet=True)
    seed_everything(config.seed)
    return _trainer(config, run, graphs, build_model(config, graphs.schema), callbacks, quiet=quiet)


def _trainer(
    config: Config, run: Run, graphs: PackedGraphs, model: nn.Module, callbacks: Sequence[Callback], *, quiet: bool
) -> Trainer:
    views = [TensorBoard(draw_validation), TrainingProgress(Console(stderr=True, quiet=quiet)), *callbacks]
    train = graphs.subset("train")
    if not run.checkpoints:  # which tell it as well
        tell_training_graphs(model, train)
    return Trainer(config, model, train, graphs.subset("val"), run, views)


def finish(trainer: Trainer, *, quiet: bool = False) -> TrainResult:
    """What comes after the epochs: the domain's best model is kept, and a knowledge graph's ranker trained.

    :func:`train` and :func:`resume` do it themselves; whoever goes through ``trainer.epochs()`` calls it.

    Args:
        trainer: Whose epochs are over, or were stopped.
        quiet: Whether to show no progress.
    """
    config, result = trainer.config, trainer.result
    if not trainer.processes.is_lead:
        return result
    if result.best_epoch is not None:
        promote(result.run.best, _promotion_target(config, trainer.train_loader.graphs.folder))
    is_due = config.domain == "kg" and config.kg.has_ranking and not result.run.ranker.exists()
    if is_due and not result.interrupted:
        from nsm.pipeline.ranking import train_ranker

        began = time.perf_counter()
        with arithmetic(config):
            is_finished = train_ranker(config, result.run, quiet=quiet)
        seconds = round(result.seconds + time.perf_counter() - began, 3)
        result = replace(result, seconds=seconds, interrupted=not is_finished)
    return result


def _record(config: Config, graphs: PackedGraphs, model: nn.Module) -> str:
    """What exactly runs: the configuration, and where it came from."""
    val = graphs.subset("val")
    told = {
        "nsm": nsm.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "device": "cuda" if require_device(config) else "cpu",
        "processes": process_count(),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dataset": graphs.folder.name,
        "data_fingerprint": graphs.fingerprint,
        "majority": majority(val.labels) if len(val) else None,
        "ceiling": mean_known_ceiling(val),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return to_toml({**config.to_json(), PROVENANCE: told})


def _promotion_target(config: Config, dataset: Path) -> Path:
    """Where the best model on this data is kept: for the domain's default data at the domain itself."""
    home = resolve_root(config.root) / config.domain
    is_default = dataset.name == default_dataset_name(config.domain)
    return (home if is_default else home / dataset.name) / "best_model.pt"
