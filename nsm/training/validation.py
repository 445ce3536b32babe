"""Losses and accuracy of a model on a split, while it trains."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torchmetrics.aggregation import MeanMetric
from torchmetrics.classification import MulticlassStatScores

from nsm.errors import RunError
from nsm.models import Hierarchy
from nsm.models.losses import Losses, compute_loss
from nsm.training.memory import MicroBatches

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from nsm.data.batch import GraphBatch
    from nsm.data.loader import BatchLoader

__all__ = ["validate"]


def validate(
    model: nn.Module,
    batches: Iterable[GraphBatch],
    fabric: Fabric,
    *,
    num_classes: int,
    cycle_weight: float,
    micro: MicroBatches | None = None,
) -> dict[str, float]:
    """Means over all graphs: ``val_loss``, its terms ``val_task_loss``, ``val_cycle_loss``, and ``val_acc``.

    Beside them ``val_top_share``, the share of the class that was predicted most often. With several processes each
    brings batches of its own, and the figures are those of all. The model is left in the mode, training or evaluation,
    that it came in.

    Args:
        model: On the device of ``fabric``.
        batches: The graphs.
        fabric: Device and precision.
        num_classes: Number of classes.
        cycle_weight: Weight of the reconstruction error in ``val_loss``.
        micro: How many graphs are computed at a time.

    Raises:
        RunError: If a loss is not finite.
    """
    names = ("val_loss", "val_task_loss", "val_cycle_loss")
    terms = {name: MeanMetric(nan_strategy="ignore").to(fabric.device) for name in names}
    whole = torch.zeros((), device=fabric.device)  # of all losses, none of which it leaves out
    scores = MulticlassStatScores(num_classes, average=None).to(fabric.device)

    def judge(part: GraphBatch, _: int) -> tuple[GraphBatch, Losses, Tensor]:
        part = part.to(fabric.device)
        with fabric.autocast():
            output = model(part)
            return part, compute_loss(output, part, cycle_weight), output.logits

    was_training = model.training
    model.eval()
    with torch.no_grad():
        for batch in batches:
            for part, losses, logits in (micro or MicroBatches()).map(batch, judge):
                for metric, loss in zip(terms.values(), (losses.total, losses.task, losses.cycle), strict=True):
                    metric.update(loss, part.num_graphs)
                scores.update(logits, part.y)
                whole += losses.total
    model.train(was_training)
    means = {name: float(metric.compute()) for name, metric in terms.items()}
    if not math.isfinite(whole):
        message = f"the validation loss became {float(whole)}: the last steps have spoilt the weights"
        raise RunError(message, hint="lower learning_rate, or set clip_norm, and train again")
    right, wrong = scores.compute()[:, :2].T  # per class, of those that were said to be of it
    graphs = (right + wrong).sum()
    return {**means, "val_acc": float(right.sum() / graphs), "val_top_share": float((right + wrong).max() / graphs)}


def level_metrics(model: nn.Module, loader: BatchLoader, fabric: Fabric, micro: MicroBatches) -> dict[str, float]:
    """The mean reconstruction error of each level below the top without details, on the first graphs of a loader.

    All of several processes measure the same graphs.

    Args:
        model: On the device of ``fabric``; only a hierarchy has levels below the top.
        loader: Of the validation graphs.
        fabric: Device and precision.
        micro: How many graphs are computed at a time.
    """
    if not isinstance(model, Hierarchy) or model.num_levels == 1:
        return {}
    batch = loader.graphs.batch(loader.order(0)[: loader.batch_size])

    def judge(part: GraphBatch, _: int) -> Tensor:
        with fabric.autocast():
            errors = model.level_errors(part.to(fabric.device), exactly=False).abstract
        return torch.stack([error.sum() for error in errors])

    was_training = model.training
    model.eval()
    means = torch.stack(micro.map(batch, judge)).sum(0) / batch.num_graphs
    model.train(was_training)
    return {f"val_reconstruction_level_{level}": mean for level, mean in enumerate(means.tolist())}
