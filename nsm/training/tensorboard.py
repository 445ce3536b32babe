"""The history as TensorBoard shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nsm.training.callbacks import Callback

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from nsm.training.records import EpochRecord
    from nsm.training.trainer import Trainer

__all__ = ["TensorBoard"]

_TAGS = {
    "train_loss": "Loss/train",
    "train_task_loss": "Loss/train_task",
    "train_cycle_loss": "Loss/train_cycle",
    "val_loss": "Loss/val",
    "val_task_loss": "Loss/val_task",
    "val_cycle_loss": "Loss/val_cycle",
    "train_acc": "Accuracy/train",
    "val_acc": "Accuracy/val",
    "learning_rate": "Optimizer/learning_rate",
    "grad_norm": "Optimizer/grad_norm",
    "seconds": "Resources/seconds",
    "graphs_per_second": "Resources/graphs_per_second",
    "memory_mib": "Resources/memory_mib",
}


class TensorBoard(Callback):
    """Writes each epoch's figures to the run's ``tb`` folder, by the number of the epoch."""

    def __init__(self) -> None:
        self._writer: SummaryWriter | None = None

    def on_start(self, trainer: Trainer) -> None:
        """Opens the event file."""
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(trainer.run.tensorboard))

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Writes one point of every curve, and the majority line beside the accuracy."""
        writer = self._writer
        assert writer is not None
        for name, value in (record.metrics | record.resources).items():
            writer.add_scalar(_TAGS.get(name, name), value, record.epoch)
        writer.add_scalar("Accuracy/majority", trainer.majority, record.epoch)
        writer.flush()

    def on_end(self, trainer: Trainer) -> None:  # noqa: ARG002
        """Closes the event file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
