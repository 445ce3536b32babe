"""What a training tells per step, per epoch and at the end, and the position that a checkpoint keeps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from nsm.runs import Run

__all__ = [
    "EpochRecord",
    "Position",
    "StepRecord",
    "TrainResult",
    "gradient_means",
    "gradient_sums",
    "history_columns",
    "train_metrics",
]

_GRADIENT = "gradient of "  # what the sum of a layer's norms is called


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
        alarms: What a person should know about this epoch, in words.
        resources: What depends on the machine: ``seconds``, ``graphs_per_second``, ``memory_mib``, and
            ``micro_batch``, the graphs that were computed at a time where that is not a whole batch.
        gradient_norms: For each layer the mean over the steps of the norm of its gradient, before clipping. Like the
            metrics it depends on the seed alone, but it is kept in the history only: thousands of numbers would make
            each checkpoint slower.
    """

    epoch: int
    step: int
    metrics: dict[str, float]
    is_best: bool = False
    alarms: list[str] = field(default_factory=list)
    resources: dict[str, float] = field(default_factory=dict, compare=False)
    gradient_norms: dict[str, float] = field(default_factory=dict)

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

    def forget_best(self) -> None:
        """Begins anew to look for the best validation."""
        self.best_epoch, self.best_val_acc, self.best_val_loss, self.stale = 0, -math.inf, math.inf, 0

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


def train_metrics(sums: dict[str, float]) -> dict[str, float]:
    """The means over an epoch, from the sums over its steps."""
    graphs = sums["graphs"]
    metrics = {
        "train_loss": sums["loss"] / graphs,
        "train_task_loss": sums["task"] / graphs,
        "train_acc": sums["correct"] / graphs,
    }
    if "cycle" in sums:
        told = [term for term in ("cycle", "decode") if term in sums]  # of steps that came back down only
        metrics |= {f"train_{term}_loss": sums[term] / sums["cycle_graphs"] for term in told}
    metrics |= {f"train_{term}_loss": sums[term] / graphs for term in ("auxiliary", "balance") if term in sums}
    if "grad_norm" in sums:
        metrics["grad_norm"] = sums["grad_norm"] / sums["steps"]
    return metrics


def gradient_sums(norm: float, layers: Mapping[str, float]) -> dict[str, float]:
    """What a step adds to the sums: the norm of its gradient, as a whole and of each layer."""
    if not math.isfinite(norm):  # with float16 it need not be, and the step is then left out
        return {}
    return {"grad_norm": norm, "steps": 1} | {f"{_GRADIENT}{layer}": value for layer, value in layers.items()}


def gradient_means(sums: Mapping[str, float]) -> dict[str, float]:
    """The mean norm of each layer's gradient over the steps of an epoch, to five digits."""
    return {
        name.removeprefix(_GRADIENT): float(f"{total / sums['steps']:.5g}")
        for name, total in sums.items()
        if name.startswith(_GRADIENT)
    }


def history_columns(history: Sequence[EpochRecord]) -> dict[str, Any]:
    """The metrics of all epochs, column by column; None where an epoch lacks one."""
    names = sorted({name for record in history for name in record.metrics})
    columns = {name: [record.metrics.get(name) for record in history] for name in names}
    return {"epoch": [record.epoch for record in history], **columns}
