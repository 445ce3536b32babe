"""What the engine costs: its loop beside a bare loop, and checkpoints as a share of training.

``python benchmarks/engine.py`` trains the default model on planning data. The bare loop does what training cannot do
without: forward, loss, backward, clipping, a step of optimiser and schedule. The engine's loop adds guards, the metrics
of the epoch, TensorBoard and callbacks; both are timed in turn, epoch by epoch, in processor time. Checkpoints are
timed by the clock, waiting for the disk included, in a training with the default settings. The exit status is 1 if
the loop costs 5 % or more, or checkpoints 2 % or more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from nsm import pipeline
from nsm.config import Config
from nsm.models import build_model
from nsm.models.losses import compute_loss
from nsm.runs import Run
from nsm.training import Trainer
from nsm.training.retention import Retention
from nsm.training.schedules import build_optimizer, build_scheduler
from timing import circumstances, listed, markdown, race

LOOP_LIMIT, CHECKPOINT_LIMIT = 1.05, 0.02
NEVER = 10**6


class NoCheckpoints(Retention):
    """Writes nothing."""

    def after_step(self, trainer: Trainer) -> None:
        """Does nothing."""

    def after_epoch(self, trainer: Trainer, *, is_best: bool) -> None:
        """Does nothing."""


class TimedRetention(Retention):
    """Counts the seconds that checkpoints take."""

    seconds, writes = 0.0, 0

    def after_step(self, trainer: Trainer) -> None:
        """Times whatever is written."""
        self._time(lambda: super(TimedRetention, self).after_step(trainer))

    def after_epoch(self, trainer: Trainer, *, is_best: bool) -> None:
        """Times whatever is written."""
        self._time(lambda: super(TimedRetention, self).after_epoch(trainer, is_best=is_best))
        self.writes += 1

    def _time(self, save: Callable[[], None]) -> None:
        began = time.perf_counter()
        save()
        self.seconds += time.perf_counter() - began


class TimedRun(Run):
    """Counts the seconds that the lines of the history take as well."""

    seconds = 0.0

    def append_history(self, record: Mapping[str, object]) -> None:
        """Times the line."""
        began = time.perf_counter()
        super().append_history(record)
        TimedRun.seconds += time.perf_counter() - began


def main() -> int:
    """Runs everything; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, help="graphs of the training with checkpoints; the default of planning")
    parser.add_argument("--epochs", type=int, default=2, help="its epochs (default: 2)")
    parser.add_argument("--rounds", type=int, default=5, help="epochs of the two loops (default: 5)")
    arguments = parser.parse_args()
    print("\n".join(listed(circumstances(["torch", "lightning-fabric"]))), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        ratio = loops(Path(folder), arguments.rounds)
        share = checkpoints(Path(folder), arguments.graphs, arguments.epochs)
    is_cheap = ratio < LOOP_LIMIT and share < CHECKPOINT_LIMIT
    limits = f"limits {LOOP_LIMIT - 1:.0%} and {CHECKPOINT_LIMIT:.0%}"
    print(f"\nthe loop costs {ratio - 1:+.1%} over a bare loop, checkpoints {share:.2%} of training; {limits}")
    return 0 if is_cheap else 1


def settings(folder: Path, graphs: int | None, epochs: int, **changes: object) -> Config:
    """The default training, on so many graphs."""
    planning = {"allow_leaks": True} | ({} if graphs is None else {"graphs": graphs})
    home = {"root": folder / "runs", "cache": folder / "data", "accelerator": "cpu"}
    return Config.model_validate({"epochs": epochs, "planning": planning, **home, **changes})


def loops(folder: Path, rounds: int) -> float:
    """Times both loops, and prints the table.

    Returns:
        The engine's processor time, as a multiple of the bare loop's.
    """
    config = settings(folder, 1_200, NEVER, eval_every=NEVER, warmup_epochs=0)
    trainer = pipeline.build_trainer(config, quiet=True)
    trainer.retention = NoCheckpoints(trainer.run, config)
    records = trainer.epochs()
    bare = bare_loop(config, trainer)
    steps = len(trainer.train_loader)
    rivals = {"bare loop": bare, "engine": lambda _: next(records)}
    contest = race(f"an epoch of {steps} steps", rivals, rounds)
    trainer.position.epoch = NEVER  # there is nothing to go on with
    records.close()
    print(f"\n{markdown([contest], {})}", flush=True)
    return contest.rows[1].ratio


def bare_loop(config: Config, trainer: Trainer) -> Callable[[int], object]:
    """A loop over the same batches with a model of its own."""
    loader, model = trainer.train_loader, build_model(config, trainer.schema)
    optimizer = build_optimizer(model, config, trainer.fabric.device)
    scheduler = build_scheduler(optimizer, config, len(loader))

    def epoch(number: int) -> None:
        model.train()
        for batch in loader.epoch(number):
            optimizer.zero_grad()
            compute_loss(model(batch, reconstruct=True), batch, config.cycle_weight).total.backward()
            nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            optimizer.step()
            scheduler.step()

    return epoch


def checkpoints(folder: Path, graphs: int | None, epochs: int) -> float:
    """Times the checkpoints of a training.

    Returns:
        Their share of its time.
    """
    config = settings(folder, graphs, epochs)
    trainer = pipeline.build_trainer(config, quiet=True)
    trainer.run = TimedRun(trainer.run.folder)
    retention = trainer.retention = TimedRetention(trainer.run, config)
    result = trainer.fit()
    seconds = retention.seconds + TimedRun.seconds
    size = trainer.run.last.stat().st_size / 2**20
    print(
        f"\n{retention.writes} epochs in {result.seconds:.1f} s, of which checkpoints ({size:.1f} MiB each) "
        f"and history {seconds:.2f} s",
        flush=True,
    )
    return seconds / result.seconds


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
