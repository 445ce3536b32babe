"""What a training tells per step, per epoch and at the end, and the position that a checkpoint keeps."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field

from nsm.runs import Run

__all__ = ["EpochRecord", "Position", "StepRecord", "TrainResult"]


@dataclass(frozen=True)
class StepRecord:
    """One optimisation step.

    Attributes:
        epoch: Number of the epoch, from 1.
        batch: Number of the batch in its epoch, from 1.
        batches: Batches of an epoch.
        graphs: Graphs in this batch.
        loss: The total loss.
    """

    epoch: int
    batch: int
    batches: int
    graphs: int
    loss: float


@dataclass(frozen=True)
class EpochRecord:
    """One finished epoch.

    Attributes:
        epoch: Number of the epoch, from 1.
        step: Optimisation steps so far.
        metrics: What depends on the seed alone: losses, accuracies, learning rate. Those of the validation
            are missing where it was not due.
        is_best: Whether this is the best validation so far.
        resources: What depends on the machine: ``seconds``, ``graphs_per_second``, ``memory_mib``.
    """

    epoch: int
    step: int
    metrics: dict[str, float]
    is_best: bool = False
    resources: dict[str, float] = field(default_factory=dict, compare=False)

    def to_json(self) -> dict[str, object]:
        """One line of the history."""
        return asdict(self)


@dataclass
class Position:
    """Where a training stands.

    Attributes:
        epoch: Finished epochs.
        batch: Finished batches of the epoch that is under way.
        step: Optimisation steps so far.
        sums: Sums over the steps of the epoch that is under way, from which its metrics are made.
        best_epoch: Epoch of the best validation; 0 before the first.
        best_val_acc: Its accuracy.
        best_val_loss: Its loss.
        stale: Validations since then.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    best_epoch: int = 0
    best_val_acc: float = -math.inf
    best_val_loss: float = math.inf
    stale: int = 0

    def add(self, sums: dict[str, float]) -> None:
        """Adds the figures of one step to :attr:`sums`."""
        for name, value in sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def is_improved_by(self, val_acc: float, val_loss: float) -> bool:
        """Takes note of a validation; true for a higher accuracy, or an equal one with a lower loss."""
        is_as_good = val_acc == self.best_val_acc and val_loss < self.best_val_loss
        if not (val_acc > self.best_val_acc or is_as_good):
            self.stale += 1
            return False
        self.best_epoch, self.best_val_acc, self.best_val_loss, self.stale = self.epoch, val_acc, val_loss, 0
        return True


@dataclass(frozen=True)
class TrainResult:
    """What a training came to.

    Attributes:
        run: The run folder.
        epochs: Finished epochs.
        best_epoch: Epoch of the best validation, from 1; None before the first.
        best_val_acc: Its accuracy.
        seconds: Time spent training.
        interrupted: Whether it was stopped before its end.
    """

    run: Run
    epochs: int
    best_epoch: int | None
    best_val_acc: float | None
    seconds: float
    interrupted: bool

    def to_json(self) -> dict[str, object]:
        """The result as plain values."""
        return {**vars(self), "run": str(self.run.folder)}
