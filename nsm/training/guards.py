"""What must not go unnoticed: numbers that are not finite, a loss that climbs, a model that says one thing only."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from nsm.errors import RunError
from nsm.training.checkpoints import write_checkpoint

if TYPE_CHECKING:
    from nsm.data.batch import GraphBatch
    from nsm.training.trainer import Trainer

__all__ = ["alarms", "require_finite"]

COLLAPSE_AFTER = 3  # validations in a row; the first of a training are often like this

Metrics = dict[str, float]


def alarms(history: Sequence[Metrics], majority: float, num_classes: int) -> list[str]:
    """What a person should know about the last epoch, in words.

    - Class collapse: all predictions of three validations in a row, this one included, are one class each.
    - Divergence: the task loss is twice that of guessing, or has climbed half of that above its lowest.

    Args:
        history: The metrics of all epochs so far.
        majority: Share of the most frequent class among the validation graphs.
        num_classes: Number of classes.

    Example:
        >>> alarms([{"train_task_loss": 2.0}], majority=0.5, num_classes=2)
        ['divergence: the training task loss is 2.000, that of guessing 0.693; lower learning_rate']
    """
    found = []
    validated = [metrics for metrics in history if "val_top_share" in metrics]
    latest = validated[-COLLAPSE_AFTER:]
    is_collapsed = len(latest) == COLLAPSE_AFTER and all(metrics["val_top_share"] == 1 for metrics in latest)
    if is_collapsed and validated[-1] is history[-1]:
        lines = f"accuracy {latest[-1]['val_acc']:.3f}, majority {majority:.3f}"
        found.append(
            f"class collapse: in {COLLAPSE_AFTER} validations every graph got the same class ({lines}); "
            "lower learning_rate or cycle_weight, or look at the balance of the labels"
        )
    losses, guessing = [metrics["train_task_loss"] for metrics in history], math.log(num_classes)
    if losses[-1] >= 2 * guessing or losses[-1] >= min(losses) + guessing / 2:
        lowest = f", its lowest {min(losses):.3f}" if len(losses) > 1 else ""
        told = f"the training task loss is {losses[-1]:.3f}{lowest}, that of guessing {guessing:.3f}"
        found.append(f"divergence: {told}; lower learning_rate")
    return found


def require_finite(trainer: Trainer, batch: GraphBatch, loss: float, norm: float) -> None:
    """Stops a training before a step that would spoil its weights, and keeps the batch for inspection.

    It is a plain dictionary, which ``torch.load(..., weights_only=True)`` opens: the batch (``index`` has the graphs'
    numbers in the data set), where it came, the loss, and the parameters whose gradient is not finite.
    With float16 such a gradient is usual: the scaler leaves the step out and lowers its scale.

    Raises:
        RunError: If the loss or the norm of the gradient is not finite.
    """
    config, at, run = trainer.config, trainer.position, trainer.run
    is_loss = not math.isfinite(loss)
    if not is_loss and (config.precision == "16-mixed" or math.isfinite(norm)):
        return
    facts = {"epoch": at.epoch + 1, "step": at.step + 1, "loss": loss, "gradients": _bad_gradients(trainer.model)}
    file = run.bad_batch(trainer.processes.rank)
    tensors = {**batch.to("cpu").tensors(), "x": batch.x.cpu()}
    # columns are pieces of those of several batches, which would be written whole
    columns = {name: tensor.clone() for name, tensor in tensors.items()}
    kept = {**columns, "num_graphs": batch.num_graphs}
    buffer = io.BytesIO()
    torch.save({"batch": kept, **facts}, buffer)
    write_checkpoint(file, buffer.getvalue())
    what = f"loss became {loss}" if is_loss else f"gradient became {norm}"
    message = f"the {what} in epoch {at.epoch + 1}, step {at.step + 1}; the batch is kept in this file"
    hint = f"lower learning_rate (now {config.learning_rate:g}), or set clip_norm"
    raise RunError(message, file=file, hint=hint)


def _bad_gradients(model: nn.Module) -> list[str]:
    """Names of the parameters whose gradient is not finite."""
    return [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all()
    ]
