"""Positions drawn together, so that graphs longer than any in training stay within what training has shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nsm.data.features import sinusoid

if TYPE_CHECKING:
    from nsm.data.triples import Schema
    from nsm.nn import DropoutKey

__all__ = ["OrderScale", "tell_longest"]

INCREMENT, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""The constants of SplitMix64."""


class OrderScale(nn.Module):
    r"""Encodes the order of nodes, such as the steps of a plan, with each graph's positions scaled by a factor.

    A network that has seen positions 0 to 23 cannot read position 40. So a graph that is longer than any in training is
    scaled to that length, and in training half of the graphs are scaled as well, each by a factor drawn anew in every
    epoch, so that the network learns that the unit means nothing, and moved within the span that it had, so that it
    learns to read close positions wherever they are:

    .. math:: u = \min\bigl(1,\; s + 2 (1 - s) r\bigr), \qquad o \mapsto u o + (1 - u) r' \max o

    The draws ``r`` and ``r'`` from ``U(0, 1)`` are functions of seed, step and the graph's number, never of how a
    batch is divided.

    Args:
        schema: Says which features encode the order.
        least: The least factor ``s``, in ``(0, 1)``.

    Shapes:
        - output: ``(M,)`` numbers of nodes, and ``(M, order channels)`` what has to be added to the features that
          encode their order.

    References:
        Chen et al., Extending Context Window of Large Language Models via Position Interpolation, 2023.
    """

    longest: Tensor

    def __init__(self, schema: Schema, least: float) -> None:
        super().__init__()
        if not 0 < least < 1:
            raise ValueError(f"the least factor must be in (0, 1), got {least}")
        self.first = len(schema.node_types) + len(schema.roles)
        self.channels, self.least = schema.order_channels, least
        self.register_buffer("longest", torch.zeros((), dtype=torch.int64))  # the highest position in training

    @property
    def columns(self) -> slice:
        """Which features encode the order."""
        return slice(self.first, self.first + self.channels)

    def forward(self, data: Any, key: DropoutKey) -> tuple[Tensor, Tensor] | None:
        """Reads our batch or PyTorch Geometric's; None where nothing is scaled, as in one without an ``order``."""
        order = getattr(data, "order", None)
        if order is None:
            return None
        batch = getattr(data, "batch", None)
        batch = torch.zeros_like(order) if batch is None else batch
        factor, start = self._maps(data, key, order, batch)
        is_scaled = (factor.index_select(0, batch) < 1) & (order >= 0)
        # on a GPU all nodes take part, since to count those that are scaled would mean to wait for it
        at = torch.arange(len(order), device=order.device) if order.is_cuda else is_scaled.nonzero().squeeze(1)
        if not len(at):
            return None
        order, graph = order.index_select(0, at), batch.index_select(0, at)
        now = order * factor.index_select(0, graph) + start.index_select(0, graph)
        more = sinusoid(torch.where(order < 0, -1, now), self.channels) - sinusoid(order, self.channels)
        return at, more.masked_fill_(~is_scaled.index_select(0, at).unsqueeze(1), 0)

    def _maps(self, data: Any, key: DropoutKey, order: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
        """For each graph a factor, and where its first position comes to stand: ``(G,)`` float64 each."""
        count = getattr(data, "num_graphs", None) or 1
        last = order.new_zeros(count).scatter_reduce_(0, batch, order, "amax")
        if not self.training:
            reach = torch.where(self.longest > 0, self.longest, last)
            factor = (reach / last.clamp(min=1).double()).clamp(max=1)
            return factor, torch.zeros_like(factor)
        self.longest.copy_(torch.maximum(self.longest, last.max()))
        number = getattr(data, "index", None)
        number = torch.arange(count, device=order.device) if number is None else number
        seed = 2 * (key.seed * 1_000_003 + key.step)
        factor = (self.least + 2 * (1 - self.least) * _uniform(number, seed)).clamp(max=1)
        return factor, (1 - factor) * last * _uniform(number, seed + 1)


def tell_longest(model: nn.Module, order: int) -> None:
    """Tells a model the highest position of all training graphs, of which each of several processes sees a part."""
    for module in model.modules():
        if isinstance(module, OrderScale):
            module.longest.clamp_(min=order)


def _uniform(number: Tensor, key: int) -> Tensor:
    """Numbers in [0, 1) that look random, ``(G,)`` float64, by SplitMix64; integers wrap around."""
    z = number * _signed(INCREMENT) + _signed(key * SECOND + INCREMENT)
    z = (z ^ _shifted(z, 30)) * _signed(FIRST)
    z = (z ^ _shifted(z, 27)) * _signed(SECOND)
    return _shifted(z ^ _shifted(z, 31), 11).double() * 2.0**-53


def _shifted(z: Tensor, bits: int) -> Tensor:
    """A logical shift to the right."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def _signed(value: int) -> int:
    """The number with these 64 bits in two's complement."""
    value %= 1 << 64
    return value - (1 << 64) if value >= 1 << 63 else value
