"""From node features to one vector per graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def pool_graphs(x: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
    """Mean and maximum over the nodes of each graph.

    Shapes:
        - **x**: ``(N, C)``; **batch**: ``(N,)`` ascending; output: ``(num_graphs, 2 C)``.
    """
    lengths = torch.bincount(batch, minlength=num_graphs)
    # segment_reduce wants every graph to have a node; the maximum of none would be minus infinity
    mean = torch.segment_reduce(x, "mean", lengths=lengths, unsafe=True)
    highest = torch.segment_reduce(x, "max", lengths=lengths, unsafe=True)
    return torch.cat((mean, highest), dim=1)


def pool_marked(x: Tensor, is_marked: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
    """Sum over the marked nodes of each graph; zero where none is.

    Shapes:
        - **x**: ``(N, C)``; **is_marked**: ``(N,)`` bool; **batch**: ``(N,)``; output: ``(num_graphs, C)``.
    """
    marked = is_marked.nonzero().squeeze(1)
    return x.new_zeros((num_graphs, x.shape[1])).index_add(0, batch[marked], x[marked])


class GraphReadout(nn.Module):
    """A two-layer head on pooled features.

    Args:
        in_channels: Number of pooled features.
        hidden_channels: Number of features between the layers.
        num_classes: Number of classes ``K``.

    Shapes:
        - **pooled**: ``(G, in_channels)``; output: ``(G, K)`` logits.
    """

    def __init__(self, in_channels: int, hidden_channels: int, num_classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(in_channels),
            nn.Linear(in_channels, hidden_channels),
            nn.ReLU(),
            nn.Linear(hidden_channels, num_classes),
        )

    def forward(self, pooled: Tensor) -> Tensor:
        """Scores the classes."""
        logits: Tensor = self.layers(pooled)
        return logits
