"""The SAGPool hierarchy, on PyTorch Geometric's relational convolution and self-attention pooling: a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing, RGCNConv, SAGPooling

from nsm.models.encoder import Encoder
from nsm.models.order_scale import OrderScale
from nsm.models.output import Output
from nsm.nn import DropoutKey, GraphReadout, both_ways
from nsm.nn.recomputation import recomputed
from nsm.nn.reversible import KeyedDropout

__all__ = ["SAGPoolHierarchy", "WeightedRGCNConv"]


class WeightedRGCNConv(MessagePassing):  # type: ignore[misc]
    r"""PyTorch Geometric's `RGCNConv`, its messages scaled by the confidence of their edge.

    .. math:: y_v = W_0 x_v + b + \sum_r \frac{1}{|N_r(v)|} \sum_{u \in N_r(v)} w_{uv}\, W_r x_u

    Args:
        in_channels: Number of input features.
        out_channels: Number of output features.
        num_relations: Number of relations, reverses included.

    Shapes:
        - **x**: ``(N, in_channels)``; **edge_index**: ``(2, E)``; **edge_type**, **edge_weight**: ``(E,)``.
    """

    def __init__(self, in_channels: int, out_channels: int, num_relations: int) -> None:
        super().__init__(aggr="mean")
        layer = RGCNConv(in_channels, out_channels, num_relations)
        self.weight, self.root, self.bias = layer.weight, layer.root, layer.bias

    def forward(self, x: Tensor, edge_index: Tensor, edge_type: Tensor, edge_weight: Tensor) -> Tensor:
        """Sends the messages of one relation after the other."""
        out: Tensor = x @ self.root + self.bias
        for relation, weight in enumerate(self.weight):
            mine = edge_type == relation
            mean = self.propagate(edge_index[:, mine], x=x, edge_weight=edge_weight[mine], size=(len(x), len(x)))
            out = out + mean @ weight
        return out

    def message(self, x_j: Tensor, edge_weight: Tensor) -> Tensor:
        """What an edge says."""
        return x_j * edge_weight.unsqueeze(1)


class SAGPoolLayer(nn.Module):
    """Normalise, convolve, activate, project, to be added to the stream.

    Args:
        channels: Number of features ``C``.
        num_relations: Number of relations, reverses included.
    """

    def __init__(self, channels: int, num_relations: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.conv = WeightedRGCNConv(channels, channels, num_relations)
        self.project = nn.Linear(channels, channels)

    def forward(self, x: Tensor, edge_index: Tensor, edge_type: Tensor, edge_weight: Tensor) -> Tensor:
        """Returns the update."""
        update: Tensor = self.project(torch.relu(self.conv(self.norm(x), edge_index, edge_type, edge_weight)))
        return update


def _pooling(channels: int, ratio: float) -> nn.Module:
    pool: nn.Module = SAGPooling(channels, ratio)
    pool.get_parameter("select.weight").requires_grad_(False)  # divided by its own size, so only its sign counts
    return pool


class SAGPoolHierarchy(nn.Module):
    """Relational convolutions and self-attention pooling, read out from every level.

    Equal scores are decided by the order of the nodes, since PyTorch Geometric's pooling knows no tie keys.

    Args:
        in_channels: Number of node features.
        num_relations: Number of relations, reverses not counted.
        num_classes: Number of classes ``K``.
        channels: Number of features per node.
        layers: Number of convolutions of each level, the concrete one first.
        pool_ratio: Share of nodes that stay at each step up.
        dropout: Probability of dropping a value of an update.
        query_role: Role of the nodes whose own features the readout takes as well; None where nothing is asked of one.
        pooling: How the readout pools, see :class:`~nsm.nn.pooling.GraphReadout`.
        order: How positions are scaled, see :class:`~nsm.models.order_scale.OrderScale`; None to take them as they are.
        seed: Seed of the dropout masks.
        recompute: Whether the backward pass computes each layer again instead of keeping what it needs.

    References:
        Lee, Lee, Kang, Self-Attention Graph Pooling, ICML 2019.
    """

    def __init__(
        self,
        in_channels: int,
        num_relations: int,
        num_classes: int,
        *,
        channels: int = 64,
        layers: Sequence[int] = (4, 4, 4),
        pool_ratio: float = 0.5,
        dropout: float = 0.0,
        query_role: int | None = None,
        pooling: str = "mean",
        order: OrderScale | None = None,
        seed: int = 0,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        self.recompute, self.query_role, self.key = recompute, query_role, DropoutKey(seed)
        self.encoder = Encoder(in_channels, channels, num_relations, "mean", order, self.key)
        self.levels = nn.ModuleList(
            nn.ModuleList(SAGPoolLayer(channels, 2 * num_relations) for _ in range(count)) for count in layers
        )
        self.dropouts = nn.ModuleList(KeyedDropout(dropout, i, self.key) for i in range(sum(layers)))
        self.pools = nn.ModuleList(_pooling(channels, pool_ratio) for _ in layers[1:])
        self.readout = GraphReadout(
            channels, num_classes, len(layers), is_asked=query_role is not None, pooling=pooling
        )

    def set_step(self, step: int, part: int = 0) -> None:
        """Tells the dropout masks which optimisation step this is, and which part of it."""
        self.key.step, self.key.part = step, part

    @staticmethod
    def _layer(layer: nn.Module, dropout: nn.Module, edges: tuple[Tensor, ...], x: Tensor) -> Tensor:
        update: Tensor = dropout(layer(x, *edges))
        return x + update.to(x.dtype)

    def forward(self, data: Any, *, reconstruct: bool = True) -> Output:
        """Classifies the graphs; reconstructs nothing, whatever is asked."""
        del reconstruct
        level = self.encoder(data)
        edge_index, edge_type = both_ways(data.edge_index, data.edge_type, level.graph.num_relations)
        edge_weight = level.graph.edge_weight.repeat(2)
        x, batch, dropouts = level.x, level.batch, iter(self.dropouts)
        asked = None if self.query_role is None else data.role == self.query_role
        found: list[tuple[Tensor, Tensor]] = []
        for depth, layers in enumerate(self.levels):
            for layer in layers.children():
                add = partial(self._layer, layer, next(dropouts), (edge_index, edge_type, edge_weight))
                x = recomputed(add, x) if self.recompute and torch.is_grad_enabled() else add(x)
            found.append((x, batch))
            if depth == len(self.pools):
                break
            place = torch.arange(edge_type.numel(), device=x.device)  # of each edge, to find its columns again
            x, edge_index, place, batch, _, _ = self.pools[depth](x, edge_index, place, batch)
            edge_type, edge_weight = edge_type[place], edge_weight[place]
        return Output(self.readout(found, level.num_graphs, asked), None, None, level.batch)
