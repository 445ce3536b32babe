"""What a training in a container does beside training: commits, watches the clock, hears signals."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from nsm.cloud.attempts import AttemptLog
from nsm.cloud.checksums import write_sums
from nsm.cloud.signals import Signals
from nsm.cloud.storage import MountedVolume
from nsm.errors import NSMError
from nsm.training import Callback

if TYPE_CHECKING:
    from nsm.training.records import EpochRecord, StepRecord
    from nsm.training.trainer import Trainer

__all__ = ["COMMIT_SECONDS", "Keeper"]

COMMIT_SECONDS = 60.0
"""Least time between two commits of a training under way."""

SHOWN = ("train_loss", "val_loss", "val_acc")


class Keeper(Callback):
    """Commits what a training has written, and stops it before its time is up.

    Files are renamed when they are whole, and a commit comes after that: what others see is always a state that the
    training can go on from.

    Args:
        volume: What is committed.
        log: The attempts, noted before each commit.
        signals: Told which training to stop.
        deadline: When to stop, as ``time.monotonic`` tells.
        every: Least seconds between two commits.
        on_begin: Called before the first step; what it writes is committed then.

    Attributes:
        deadline: When the training will be stopped.
        is_out_of_time: Whether the training was stopped for the clock's sake.
    """

    def __init__(
        self,
        volume: MountedVolume,
        log: AttemptLog,
        signals: Signals,
        *,
        deadline: float,
        every: float = COMMIT_SECONDS,
        on_begin: Callable[[], object] = lambda: None,
    ) -> None:
        self.is_out_of_time = False
        self._volume, self._log, self._signals = volume, log, signals
        self.deadline, self._every, self._on_begin = deadline, every, on_begin
        self._committed = 0.0

    def on_start(self, trainer: Trainer) -> None:
        """Commits the run's folder and the data, so that another attempt finds them."""
        self._signals.watch(trainer)
        self._log.note(step=trainer.position.step)
        self._on_begin()
        self._commit(trainer)

    def on_step(self, trainer: Trainer, record: StepRecord) -> None:
        """Stops where the time is up; commits what was saved inside an epoch, and that the container is alive."""
        del record
        if time.monotonic() >= self.deadline and not trainer.stop_requested:
            self.is_out_of_time = trainer.stop_requested = True
        elif self._is_due:
            self._commit(trainer)

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Says how far it is, and commits the epoch's checkpoint where the time has come."""
        found = " ".join(f"{name}={record.metrics[name]:.4f}" for name in SHOWN if name in record.metrics)
        self.on_notice(trainer, f"epoch {record.epoch} of {trainer.config.epochs}: {found}")
        if self._is_due:
            self._commit(trainer)

    def on_end(self, trainer: Trainer) -> None:
        """Listens no longer."""
        del trainer
        self._signals.watch(None)

    def on_notice(self, trainer: Trainer, text: str) -> None:
        """Says it in the container's log."""
        print(f"{trainer.config.domain}: {text}", flush=True)  # noqa: T201

    @property
    def _is_due(self) -> bool:
        return time.monotonic() - self._committed >= self._every

    def _commit(self, trainer: Trainer) -> None:
        """A commit that fails is tried again at the next occasion; the training goes on."""
        self._log.note()
        write_sums(trainer.run.folder.parents[2], trainer.run)
        try:
            self._volume.commit()
        except NSMError as failure:
            self.on_notice(trainer, f"{failure}; trying again later")
        self._committed = time.monotonic()
