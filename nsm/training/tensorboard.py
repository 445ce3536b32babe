"""The history as TensorBoard shows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from nsm.training.callbacks import Callback
from nsm.training.norms import weight_norms

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch.utils.tensorboard import SummaryWriter

    from nsm.training.records import EpochRecord
    from nsm.training.trainer import Trainer

__all__ = ["TensorBoard"]

HISTOGRAMS = 5  # of each weight over a run, at most

_TAGS = {
    "train_loss": "Loss/train",
    "train_task_loss": "Loss/train_task",
    "train_cycle_loss": "Loss/train_cycle",
    "train_auxiliary_loss": "Loss/train_auxiliary",
    "train_balance_loss": "Loss/train_balance",
    "train_decode_loss": "Loss/train_decode",
    "val_loss": "Loss/val",
    "val_task_loss": "Loss/val_task",
    "val_cycle_loss": "Loss/val_cycle",
    "train_acc": "Accuracy/train",
    "val_acc": "Accuracy/val",
    "val_top_share": "Accuracy/val_top_share",
    "learning_rate": "Optimizer/learning_rate",
    "grad_norm": "Optimizer/grad_norm",
    "seconds": "Resources/seconds",
    "graphs_per_second": "Resources/graphs_per_second",
    "memory_mib": "Resources/memory_mib",
}


class TensorBoard(Callback):
    """Writes each epoch's figures to the run's ``tb`` folder, by the number of the epoch.

    All that the history has, the norms of each layer's weights, and histograms of weights, five times in a run at
    most. A training that goes on hides what an earlier one wrote after the epoch that it goes on from.

    Args:
        draw: Makes figures by name of a finished training, which has its best weights.
    """

    def __init__(self, draw: Callable[[Trainer], Mapping[str, Figure]] | None = None) -> None:
        self.draw = draw
        self._writer: SummaryWriter | None = None

    def on_start(self, trainer: Trainer) -> None:
        """Opens the event file, in the first process only."""
        if not trainer.fabric.is_global_zero:
            return
        from torch.utils.tensorboard import SummaryWriter

        at, run = trainer.position, trainer.run
        if trainer.is_over and run.training_history.exists():
            return  # a finished run stays as it is
        # at the end of an epoch the process may have died between its checkpoint and its curves: they are drawn again
        is_redone = bool(at.step and at.batch == 0)
        self._writer = SummaryWriter(str(run.tensorboard), purge_step=at.epoch + (not is_redone) if at.step else None)
        if is_redone:
            self.on_epoch(trainer, trainer.history[-1])

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Writes one point of every curve, and the majority line beside the accuracy."""
        writer, epoch = self._writer, record.epoch
        if writer is None:
            return
        scalars = {_tag(name): value for name, value in (record.metrics | record.resources).items()}
        scalars["Accuracy/majority"] = trainer.majority
        scalars |= {f"Weight norm/{layer}": norm for layer, norm in weight_norms(trainer.model).items()}
        scalars |= {f"Gradient norm/{layer}": norm for layer, norm in record.gradient_norms.items()}
        for tag, value in scalars.items():
            writer.add_scalar(tag, value, epoch)
        if epoch % math.ceil(trainer.config.epochs / HISTOGRAMS) == 0:
            for name, weight in trainer.model.named_parameters():
                if weight.ndim > 1:
                    writer.add_histogram(f"Weights/{name}", weight.detach().float(), epoch)
        writer.flush()

    def on_end(self, trainer: Trainer) -> None:
        """Adds the figures of a finished training, and closes the event file."""
        if self._writer is None:
            return
        if self.draw is not None and trainer.is_over and trainer.position.best_epoch:
            for name, figure in self.draw(trainer).items():
                self._writer.add_figure(f"Validation/{name}", figure, trainer.position.epoch)
        self._writer.close()
        self._writer = None


def _tag(name: str) -> str:
    level = name.removeprefix("val_reconstruction_")
    return _TAGS.get(name, name) if level == name else f"Reconstruction/{level}"
