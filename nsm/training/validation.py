"""Losses and accuracy of a model on a split, while it trains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import nn
from torchmetrics.aggregation import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from nsm.models.losses import compute_loss

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from nsm.data.batch import GraphBatch

__all__ = ["validate"]


def validate(
    model: nn.Module, batches: Iterable[GraphBatch], fabric: Fabric, *, num_classes: int, cycle_weight: float
) -> dict[str, float]:
    """Means over all graphs: ``val_loss``, its terms ``val_task_loss``, ``val_cycle_loss``, and ``val_acc``.

    The model is left in the mode, training or evaluation, that it came in.
    """
    terms = {name: MeanMetric().to(fabric.device) for name in ("val_loss", "val_task_loss", "val_cycle_loss")}
    accuracy = MulticlassAccuracy(num_classes, average="micro").to(fabric.device)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        for batch in batches:
            batch = batch.to(fabric.device)
            with fabric.autocast():
                output = model(batch)
                losses = compute_loss(output, batch, cycle_weight)
            for metric, loss in zip(terms.values(), (losses.total, losses.task, losses.cycle), strict=True):
                metric.update(loss, batch.num_graphs)
            accuracy.update(output.logits, batch.y)
    model.train(was_training)
    return {name: float(metric.compute()) for name, metric in terms.items()} | {"val_acc": float(accuracy.compute())}
