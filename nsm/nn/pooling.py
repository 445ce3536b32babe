"""From node features to one vector per graph."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def pool_graphs(x: Tensor, batch: Tensor, num_graphs: int, weight: Tensor | None = None) -> Tensor:
    """Mean and maximum over the nodes of each graph; with weights, which sum to one, their sum in place of the mean.

    Shapes:
        - **x**: ``(N, C)``; **batch**: ``(N,)`` ascending; **weight**: ``(N,)``; output: ``(num_graphs, 2 C)``.
    """
    lengths = torch.bincount(batch, minlength=num_graphs)
    # segment_reduce wants every graph to have a node; the maximum of none would be minus infinity
    if weight is None:
        mean = torch.segment_reduce(x, "mean", lengths=lengths, unsafe=True)
    else:
        mean = torch.segment_reduce(x * weight.unsqueeze(1), "sum", lengths=lengths, unsafe=True)
    highest = torch.segment_reduce(x, "max", lengths=lengths, unsafe=True)
    return torch.cat((mean, highest), dim=1)


def pool_marked(x: Tensor, is_marked: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
    """Sum over the marked nodes of each graph; zero where none is.

    Shapes:
        - **x**: ``(N, C)``; **is_marked**: ``(N,)`` bool; **batch**: ``(N,)``; output: ``(num_graphs, C)``.
    """
    marked = is_marked.nonzero().squeeze(1)
    return x.new_zeros((num_graphs, x.shape[1])).index_add(0, batch[marked], x[marked])


def softmax_within(score: Tensor, group: Tensor, num_groups: int) -> Tensor:
    """The softmax among the scores of each group.

    Shapes:
        - **score**, **group**, output: ``(E,)``.

    Example:
        >>> softmax_within(torch.zeros(3), torch.tensor([0, 1, 1]), 2).tolist()
        [1.0, 0.5, 0.5]
    """
    fixed = score.detach()  # the highest only keeps the powers finite
    highest = fixed.new_full((num_groups,), -torch.inf).scatter_reduce(0, group, fixed, "amax")
    power = torch.exp(score - highest.index_select(0, group))
    return power / power.new_zeros(num_groups).index_add(0, group, power).index_select(0, group)


class NodeEvidence(nn.Module):
    r"""What the nodes say about their graph, each for itself, before they are pooled.

    .. math:: e_v = \phi(W\, \mathrm{LayerNorm}(x_v) + b)

    A node without anything to say says zero, whatever its features: a graph of more such nodes than any in training is
    still read alike.

    With attention the mean is weighted by what a query :math:`q` of the graph finds in the nodes,
    :math:`\mathrm{softmax}_v \langle q, K\, \mathrm{LayerNorm}(x_v) \rangle / \sqrt C`.

    Args:
        channels: Number of features ``C``.
        pooling: ``"mean"`` or ``"attention"``.

    Shapes:
        - **x**: ``(N, C)``; **batch**: ``(N,)`` ascending; **query**: ``(num_graphs, C)``, with attention only.
        - output: ``(num_graphs, 2 C)``, mean and maximum.
    """

    def __init__(self, channels: int, pooling: str = "mean") -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.map = nn.Linear(channels, channels)
        # a bias would shift all scores of a graph alike, which a softmax does not notice
        self.key = nn.Linear(channels, channels, bias=False) if pooling == "attention" else None

    def forward(self, x: Tensor, batch: Tensor, num_graphs: int, query: Tensor | None = None) -> Tensor:
        """Maps and pools."""
        normed = self.norm(x)
        weight = None if query is None else self.attention(normed, batch, query)
        return pool_graphs(torch.relu(self.map(normed)).to(x.dtype), batch, num_graphs, weight)

    def attention(self, normed: Tensor, batch: Tensor, query: Tensor) -> Tensor:
        """The weights of the nodes, which sum to one in each graph: ``(N,)``."""
        assert self.key is not None
        key = self.key(normed).to(normed.dtype)
        score = (key * query.index_select(0, batch)).sum(1) / math.sqrt(key.shape[1])
        return softmax_within(score, batch, query.shape[0])


class GraphReadout(nn.Module):
    """Classifies graphs by what their nodes say, of one level or of several.

    Args:
        channels: Number of features ``C``.
        num_classes: Number of classes ``K``.
        num_levels: Number of sets of nodes that are read.
        is_asked: Whether some nodes are asked about, whose own features count as well.
        pooling: ``"mean"``, or ``"attention"`` with a query made of the features of the nodes that are asked about, or
            learned where none are.

    Shapes:
        - **levels**: for each set its features ``(N, C)`` and the graph of each node ``(N,)``, ascending.
        - **asked**: ``(N,)`` bool, of the nodes of the first set.
        - output: ``(num_graphs, K)`` logits.
    """

    def __init__(
        self, channels: int, num_classes: int, num_levels: int = 1, *, is_asked: bool = False, pooling: str = "mean"
    ) -> None:
        super().__init__()
        self.evidence = nn.ModuleList(NodeEvidence(channels, pooling) for _ in range(num_levels))
        width = (2 * num_levels + is_asked) * channels
        self.head = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, channels), nn.ReLU(), nn.Linear(channels, num_classes)
        )
        attends = pooling == "attention"
        self.ask = (
            nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, channels)) if attends and is_asked else None
        )
        self.query = nn.Parameter(torch.randn(channels)) if attends and not is_asked else None

    def forward(self, levels: Sequence[tuple[Tensor, Tensor]], num_graphs: int, asked: Tensor | None = None) -> Tensor:
        """Scores the classes."""
        pairs = zip(self.evidence, levels, strict=True)
        query = self._query(*levels[0], num_graphs, asked)
        pooled = [evidence(x, batch, num_graphs, query) for evidence, (x, batch) in pairs]
        if asked is not None:
            x, batch = levels[0]
            pooled.append(pool_marked(x, asked, batch, num_graphs))
        logits: Tensor = self.head(torch.cat(pooled, dim=1))
        return logits

    def _query(self, x: Tensor, batch: Tensor, num_graphs: int, asked: Tensor | None) -> Tensor | None:
        """What each graph looks for, ``(num_graphs, C)``; None where all nodes count alike."""
        if self.query is not None:
            return self.query.expand(num_graphs, -1)
        if self.ask is None or asked is None:
            return None
        count = pool_marked(torch.ones_like(x[:, :1]), asked, batch, num_graphs).clamp(min=1)
        query: Tensor = self.ask(pool_marked(x, asked, batch, num_graphs) / count)
        return query.to(x.dtype)
