"""GINE, the graph isomorphism network with edge features, on PyTorch Geometric's layer: a baseline."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import GINEConv

from nsm.models.encoder import Encoded, Encoder
from nsm.models.order_scale import OrderScale
from nsm.models.output import Output
from nsm.nn import DropoutKey, GraphReadout, both_ways
from nsm.nn.recomputation import recomputed
from nsm.nn.reversible import KeyedDropout

__all__ = ["GINE"]


class ProjectedGINEConv(GINEConv):  # type: ignore[misc]
    """`GINEConv` whose linear map has been applied to the edges' features before."""

    def message(self, x_j: Tensor, edge_attr: Tensor) -> Tensor:
        """What an edge says."""
        return torch.relu(x_j + edge_attr)


class GINELayer(nn.Module):
    r"""Normalise, convolve, to be added to the stream.

    .. math:: f(x)_v = \mathrm{MLP}\Big((1 + \epsilon)\, \hat x_v + \sum_{u \to v} \phi(\hat x_u + W e_{uv})\Big)

    The edge ``e`` is the embedding of its relation and its confidence, so ``W`` is applied to each relation once.

    Args:
        channels: Number of features ``C``, of nodes and relations.

    Shapes:
        - **x**, output: ``(N, C)``; **edge_index**: ``(2, E)``; **edge_type**: ``(E,)``; **confidence**: ``(E, 1)``;
          **relations**: ``(R, C)``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        inner = nn.Sequential(nn.Linear(channels, 2 * channels), nn.ReLU(), nn.Linear(2 * channels, channels))
        self.conv = ProjectedGINEConv(inner, train_eps=True, edge_dim=channels + 1)

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_type: Tensor, confidence: Tensor, relations: Tensor
    ) -> Tensor:
        """Returns the update."""
        of_relation, of_confidence = self.conv.lin.weight.split((relations.shape[1], 1), dim=1)
        projected = functional.linear(relations, of_relation, self.conv.lin.bias)
        edge_attr = torch.addmm(projected.index_select(0, edge_type), confidence, of_confidence.T)
        update: Tensor = self.conv(self.norm(x), edge_index, edge_attr)
        return update


class GINE(nn.Module):
    """Residual GINE layers on the concrete graph; an edge is the embedding of its relation and its confidence.

    Args:
        in_channels: Number of node features.
        num_relations: Number of relations, reverses not counted.
        num_classes: Number of classes ``K``.
        channels: Number of features per node and relation.
        num_layers: Number of convolutions.
        dropout: Probability of dropping a value of an update.
        query_role: Role of the nodes whose own features the readout takes as well; None where nothing is asked of one.
        pooling: How the readout pools, see :class:`~nsm.nn.pooling.GraphReadout`.
        order: How positions are scaled, see :class:`~nsm.models.order_scale.OrderScale`; None to take them as they are.
        seed: Seed of the dropout masks.
        recompute: Whether the backward pass computes each layer again instead of keeping what it needs.

    References:
        Hu et al., Strategies for Pre-training Graph Neural Networks, ICLR 2020.
    """

    def __init__(
        self,
        in_channels: int,
        num_relations: int,
        num_classes: int,
        *,
        channels: int = 64,
        num_layers: int = 4,
        dropout: float = 0.0,
        query_role: int | None = None,
        pooling: str = "mean",
        order: OrderScale | None = None,
        seed: int = 0,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        self.recompute, self.query_role, self.key = recompute, query_role, DropoutKey(seed)
        self.encoder = Encoder(in_channels, channels, num_relations, "sum", order, self.key)
        self.relation = nn.Embedding(2 * num_relations, channels)
        self._add_layers(channels, num_layers, dropout)
        self.readout = GraphReadout(channels, num_classes, is_asked=query_role is not None, pooling=pooling)

    def set_step(self, step: int, part: int = 0) -> None:
        """Tells the dropout masks which optimisation step this is, and which part of it."""
        self.key.step, self.key.part = step, part

    def _add_layers(self, channels: int, count: int, dropout: float) -> None:
        self.layers = nn.ModuleList(GINELayer(channels) for _ in range(count))
        self.dropouts = nn.ModuleList(KeyedDropout(dropout, i, self.key) for i in range(count))

    def _layer(self, number: int, edges: tuple[Tensor, ...], level: Encoded, x: Tensor) -> Tensor:
        del level
        update: Tensor = self.dropouts[number](self.layers[number](x, *edges))
        return x + update.to(x.dtype)

    def forward(self, data: Any, *, reconstruct: bool = True) -> Output:
        """Classifies the graphs; reconstructs nothing, whatever is asked."""
        del reconstruct
        level = self.encoder(data)
        edge_index, edge_type = both_ways(data.edge_index, data.edge_type, level.graph.num_relations)
        confidence = level.graph.edge_weight.repeat(2).unsqueeze(1)
        edges = (edge_index, edge_type, confidence, self.relation.weight)
        x: Tensor = level.x
        for number in range(len(self.layers)):
            add = partial(self._layer, number, edges, level)
            x = recomputed(add, x) if self.recompute and torch.is_grad_enabled() else add(x)
        asked = None if self.query_role is None else data.role == self.query_role
        return Output(self.readout([(x, level.batch)], level.num_graphs, asked), None, None, level.batch)
