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

import nsm
from nsm.analysis.description import mean_known_ceiling
from nsm.config.reading import PROVENANCE
from nsm.config.toml import to_toml
from nsm.models import build_model
from nsm.pipeline.datasets import default_dataset_name, load_graphs, require_honest
from nsm.pipeline.domains import open_task
from nsm.pipeline.validation_figures import draw_validation
from nsm.runs import Run, create_run, discarding, ensure_writable, require_unused, resolve_root, write_text
from nsm.training import Callback, Trainer, TrainResult
from nsm.training.checkpoints import promote
from nsm.training.device import require_device, torch_threads
from nsm.training.progress import TrainingProgress
from nsm.training.seeds import seed_everything
from nsm.training.tensorboard import TensorBoard

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.packed import PackedGraphs

__all__ = ["build_trainer", "train"]


def train(config: Config, *, callbacks: Sequence[Callback] = (), quiet: bool = False) -> TrainResult:
    """Builds and audits the data, trains, and keeps the best model of the domain up to date.

    A run on a knowledge graph trains a link scorer as well, which ranks when the run is evaluated.

    Args:
        config: What to train, and how.
        callbacks: Told of each event of the training.
        quiet: Whether to show no progress.

    Raises:
        RunError: If the root cannot be written, the run exists already, or the loss is not finite any more.
        DataError: If the user's files are malformed, or the data fails its audit.
    """
    with torch_threads(config.threads):
        trainer = build_trainer(config, callbacks=callbacks, quiet=quiet)
        result = trainer.fit()
        if result.best_epoch is not None:
            promote(result.run.best, _promotion_target(config, trainer.train_loader.graphs.folder))
        if config.domain == "kg" and config.kg.has_ranking and not result.interrupted:
            from nsm.pipeline.ranking import train_ranker

            began = time.perf_counter()
            is_finished = train_ranker(config, result.run, quiet=quiet)
            seconds = round(result.seconds + time.perf_counter() - began, 3)
            result = replace(result, seconds=seconds, interrupted=not is_finished)
    return result


def build_trainer(config: Config, *, callbacks: Sequence[Callback] = (), quiet: bool = False) -> Trainer:
    """Everything up to the first step, for those who want to go epoch by epoch.

    Raises:
        RunError: If the root cannot be written, the run exists already, or a split is empty.
        DataError: If the user's files are malformed, or the data fails its audit.
        ConfigError: If this machine cannot do what is configured.
    """
    require_device(config)  # before minutes are spent on data
    root = resolve_root(config.root)
    require_unused(root, config.domain, config.run)
    open_task(config)  # a mistake in the user's files leaves nothing behind
    ensure_writable(root)
    config = config.with_absolute_paths()  # the run can then be evaluated from another folder
    graphs = load_graphs(config, quiet=quiet)
    require_honest(graphs, config, quiet=quiet)
    run = create_run(root, config.domain, config.run)
    seed_everything(config.seed)
    views = [TensorBoard(draw_validation), TrainingProgress(Console(stderr=True, quiet=quiet)), *callbacks]
    with discarding(run):
        model = build_model(config, graphs.schema)
        trainer = Trainer(config, model, graphs.subset("train"), graphs.subset("val"), run, views)
        _record(run, config, graphs, trainer)
    return trainer


def _record(run: Run, config: Config, graphs: PackedGraphs, trainer: Trainer) -> None:
    """Writes what exactly ran: the configuration, and where it came from."""
    provenance = {
        "nsm": nsm.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "device": str(trainer.fabric.device),
        "parameters": sum(parameter.numel() for parameter in trainer.model.parameters()),
        "dataset": graphs.folder.name,
        "data_fingerprint": graphs.fingerprint,
        "majority": trainer.majority,
        "ceiling": mean_known_ceiling(graphs.subset("val")),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_text(run.config, to_toml({**config.to_json(), PROVENANCE: provenance}))


def _promotion_target(config: Config, dataset: Path) -> Path:
    """Where the best model on this data is kept: for the domain's default data at the domain itself."""
    home = resolve_root(config.root) / config.domain
    is_default = dataset.name == default_dataset_name(config.domain)
    return (home if is_default else home / dataset.name) / "best_model.pt"
