"""The history as TensorBoard shows it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from nsm.models import Hierarchy
from nsm.training.callbacks import Callback

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch.utils.tensorboard import SummaryWriter

    from nsm.training.records import EpochRecord
    from nsm.training.trainer import Trainer

__all__ = ["TensorBoard", "layer_norms"]

HISTOGRAMS = 5  # of each weight over a run, at most

_TAGS = {
    "train_loss": "Loss/train",
    "train_task_loss": "Loss/train_task",
    "train_cycle_loss": "Loss/train_cycle",
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

    Losses by term, accuracies, learning rate, the norms of each layer's weights and of the gradient of the epoch's last
    step (after clipping), speed and memory; for a hierarchy the reconstruction error of each level, on the first
    batch of the validation; histograms of weights, five times in a run at most. A training that goes on hides what an
    earlier one wrote after the epoch that it goes on from.

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

        at = trainer.position
        self._writer = SummaryWriter(str(trainer.run.tensorboard), purge_step=at.epoch + 1 if at.step else None)

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Writes one point of every curve, and the majority line beside the accuracy."""
        writer, epoch = self._writer, record.epoch
        if writer is None:
            return
        scalars = {_TAGS.get(name, name): value for name, value in (record.metrics | record.resources).items()}
        scalars["Accuracy/majority"] = trainer.majority
        scalars |= {f"{name} norm/{layer}": norm for (name, layer), norm in layer_norms(trainer.model).items()}
        if "val_loss" in record.metrics:
            scalars |= _level_errors(trainer)
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


def layer_norms(model: nn.Module) -> dict[tuple[str, str], float]:
    """Norms of the weights and of the present gradient of each layer: each module that has weights of its own.

    Returns:
        By ``"Weight"`` or ``"Gradient"`` and the layer's name.
    """
    parts: dict[tuple[str, str], list[Tensor]] = {}
    for name, weight in model.named_parameters():
        layer = name.rpartition(".")[0]
        parts.setdefault(("Weight", layer), []).append(weight.detach())
        if weight.grad is not None:
            parts.setdefault(("Gradient", layer), []).append(weight.grad.detach())
    if not parts:
        return {}
    norms = torch.stack([torch.stack(torch._foreach_norm(tensors)).norm() for tensors in parts.values()])
    return dict(zip(parts, norms.tolist(), strict=True))  # one transfer from the device


def _level_errors(trainer: Trainer) -> dict[str, float]:
    """The mean reconstruction error of each level below the top, on the first batch of the validation."""
    model, loader = trainer.model, trainer.val_loader
    if not isinstance(model, Hierarchy):
        return {}
    batch = loader.graphs.batch(loader.order(0)[: loader.batch_size]).to(trainer.fabric.device)
    was_training = model.training
    model.eval()
    with trainer.fabric.autocast():
        errors = model.level_errors(batch).abstract
    model.train(was_training)
    return {f"Reconstruction/level_{level}": error.mean().item() for level, error in enumerate(errors)}
