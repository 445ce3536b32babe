"""Pictures of what a trained model says about the validation graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from nsm.analysis.metrics import confusion_matrix
from nsm.analysis.plots import confidence_histogram, confusion_figure
from nsm.data.loader import BatchLoader

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nsm.training import Trainer

__all__ = ["draw_validation"]


@torch.no_grad()
def draw_validation(trainer: Trainer) -> dict[str, Figure]:
    """The confusion matrix and the confidences of the validation graphs, by the weights that the trainer has."""
    graphs, model = trainer.val_loader.graphs, trainer.model
    was_training = model.training
    model.eval()
    logits = []
    for batch in BatchLoader(graphs, trainer.config.batch_size, shuffle=False):
        with trainer.fabric.autocast():
            logits.append(model(batch.to(trainer.fabric.device), reconstruct=False).logits.float().cpu())
    model.train(was_training)
    said, names = torch.cat(logits).numpy(), graphs.schema.labels
    matrix = confusion_matrix(said.argmax(axis=1), graphs.labels, len(names))
    return {
        "confusion": confusion_figure(matrix.tolist(), names),
        "confidence": confidence_histogram(said, graphs.labels),
    }
