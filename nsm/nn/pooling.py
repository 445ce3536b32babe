"""From node features to one vector per graph."""

from __future__ import annotations

from collections.abc import Sequence

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


class NodeEvidence(nn.Module):
    r"""What the nodes say about their graph, each for itself, before they are pooled.

    .. math:: e_v = \phi(W\, \mathrm{LayerNorm}(x_v) + b)

    A node without anything to say says zero, whatever its features: a graph of more such nodes than any in training is
    still read alike.

    Args:
        channels: Number of features ``C``.

    Shapes:
        - **x**: ``(N, C)``; **batch**: ``(N,)`` ascending; output: ``(num_graphs, 2 C)``, mean and maximum.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.map = nn.Linear(channels, channels)

    def forward(self, x: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
        """Maps and pools."""
        return pool_graphs(torch.relu(self.map(self.norm(x))).to(x.dtype), batch, num_graphs)


class GraphReadout(nn.Module):
    """Classifies graphs by what their nodes say, of one level or of several.

    Args:
        channels: Number of features ``C``.
        num_classes: Number of classes ``K``.
        num_levels: Number of sets of nodes that are read.
        is_asked: Whether some nodes are asked about, whose own features count as well.

    Shapes:
        - **levels**: for each set its features ``(N, C)`` and the graph of each node ``(N,)``, ascending.
        - **asked**: ``(N,)`` bool, of the nodes of the first set.
        - output: ``(num_graphs, K)`` logits.
    """

    def __init__(self, channels: int, num_classes: int, num_levels: int = 1, *, is_asked: bool = False) -> None:
        super().__init__()
        self.evidence = nn.ModuleList(NodeEvidence(channels) for _ in range(num_levels))
        width = (2 * num_levels + is_asked) * channels
        self.head = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, channels), nn.ReLU(), nn.Linear(channels, num_classes)
        )

    def forward(self, levels: Sequence[tuple[Tensor, Tensor]], num_graphs: int, asked: Tensor | None = None) -> Tensor:
        """Scores the classes."""
        pairs = zip(self.evidence, levels, strict=True)
        pooled = [evidence(x, batch, num_graphs) for evidence, (x, batch) in pairs]
        if asked is not None:
            x, batch = levels[0]
            pooled.append(pool_marked(x, asked, batch, num_graphs))
        logits: Tensor = self.head(torch.cat(pooled, dim=1))
        return logits
