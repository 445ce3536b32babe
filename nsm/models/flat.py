"""The flat relational network: the baseline that the hierarchy has to beat."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from nsm.models.encoder import Encoder
from nsm.models.order_scale import OrderScale
from nsm.models.output import Output
from nsm.nn import DropoutKey, GraphReadout, RelationalGraph, RelationalUpdate
from nsm.nn.recomputation import recomputed
from nsm.nn.reversible import KeyedDropout


class FlatRelational(nn.Module):
    """Residual relational convolutions on the concrete graph only.

    Args:
        in_channels: Number of node features.
        num_relations: Number of relations, reverses not counted.
        num_classes: Number of classes ``K``.
        channels: Number of features per node.
        num_layers: Number of convolutions.
        dropout: Probability of dropping a value of an update.
        norm: How messages are divided.
        query_role: Role of the nodes whose own features the readout takes as well; None where nothing is asked of one.
        pooling: How the readout pools, see :class:`~nsm.nn.pooling.GraphReadout`.
        order: How positions are scaled, see :class:`~nsm.models.order_scale.OrderScale`; None to take them as they are.
        seed: Seed of the dropout masks.
        recompute: Whether the backward pass computes each layer again instead of keeping what it needs.
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
        norm: str = "sqrt",
        query_role: int | None = None,
        pooling: str = "mean",
        order: OrderScale | None = None,
        seed: int = 0,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        self.recompute = recompute
        self.key = DropoutKey(seed)
        self.encoder = Encoder(in_channels, channels, num_relations, norm, order, self.key)
        self.layers = nn.ModuleList(
            RelationalUpdate(channels, channels, channels, 2 * num_relations, scale=0.5) for _ in range(num_layers)
        )
        self.dropouts = nn.ModuleList(KeyedDropout(dropout, i, self.key) for i in range(num_layers))
        self.query_role = query_role
        self.readout = GraphReadout(channels, num_classes, is_asked=query_role is not None, pooling=pooling)

    def set_step(self, step: int, part: int = 0) -> None:
        """Tells the dropout masks which optimisation step this is, and which part of it."""
        self.key.step, self.key.part = step, part

    def _layer(self, number: int, graph: RelationalGraph, x: Tensor) -> Tensor:
        update: Tensor = self.dropouts[number](self.layers[number](x, graph.messages))
        return x + update.to(x.dtype)

    def forward(self, data: Any, *, reconstruct: bool = True) -> Output:
        """Classifies the graphs; reconstructs nothing, whatever is asked."""
        del reconstruct
        level = self.encoder(data)
        x: Tensor = level.x
        for number in range(len(self.layers)):
            add = partial(self._layer, number, level.graph)
            x = recomputed(add, x) if self.recompute and torch.is_grad_enabled() else add(x)
        asked = None if self.query_role is None else data.role == self.query_role
        return Output(self.readout([(x, level.batch)], level.num_graphs, asked), None, None, level.batch)
