"""Residual message passing: plain layers of full width, where nothing has to be undone."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from nsm.nn.graph import RelationalGraph
from nsm.nn.recomputation import recomputed
from nsm.nn.reversible import DropoutKey, KeyedDropout
from nsm.nn.update import RelationalUpdate


class ResidualLayer(RelationalUpdate):
    r"""An update of all features, added to them: :math:`x \leftarrow x + f(x)`.

    Args:
        channels: Number of features.
        num_relations: Number of relations, reverses included.
        dropout: Probability of dropping a value of an update.
        place: Number of this layer in the model.
        key: What the dropout masks are a function of.

    Shapes:
        - **x** and output: ``(N, channels)``.
    """

    def __init__(self, channels: int, num_relations: int, dropout: float, place: int, key: DropoutKey) -> None:
        super().__init__(channels, channels, channels, num_relations, scale=0.5)
        self.drop = KeyedDropout(dropout, place, key)

    def added(self, graph: RelationalGraph, x: Tensor) -> Tensor:
        """The features with their update."""
        update: Tensor = self.drop(self(x, graph.messages))
        return x + update.to(x.dtype)


class ResidualStack(nn.ModuleList):
    """Residual layers one after the other.

    Args:
        layers: The layers, first to last.
        recompute: Whether the backward pass computes each layer again instead of keeping what it needs.

    Shapes:
        - **x** and output: ``(N, channels)``.
    """

    def __init__(self, layers: list[ResidualLayer], *, recompute: bool = False) -> None:
        super().__init__(layers)
        self.recompute = recompute

    def forward(self, x: Tensor, graph: RelationalGraph) -> Tensor:
        """Passes messages."""
        for layer in self:
            assert isinstance(layer, ResidualLayer)
            add = partial(layer.added, graph)
            x = recomputed(add, x) if self.recompute and torch.is_grad_enabled() else add(x)
        return x
