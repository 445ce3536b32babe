"""The majority class as a model: what any other has to beat."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nsm.models.output import Output

__all__ = ["Majority"]


class Majority(nn.Module):
    """One trained score per class, the same for every graph: it comes to answer the most frequent class.

    Args:
        num_classes: Number of classes ``K``.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(num_classes))

    def forward(self, data: Any, *, reconstruct: bool = True) -> Output:
        """Gives every graph the same scores."""
        del reconstruct
        batch = getattr(data, "batch", None)
        batch = torch.zeros(data.x.shape[0], dtype=torch.long, device=data.x.device) if batch is None else batch
        num_graphs = int(getattr(data, "num_graphs", None) or 1)
        return Output(self.scores.expand(num_graphs, -1), None, None, batch)
