"""Relational convolution by relation-sorted segments."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from nsm.nn.slots import Slots

GROUPED_BYTES = 16  # torch multiplies groups of rows that are whole multiples of this


def convolve(x: Tensor, weight: Tensor, slots: Slots, dtype: torch.dtype | None = None) -> Tensor:
    """``out[dst] += coefficient * x[src] @ weight[relation]``, which autograd does not see.

    No weight is gathered per edge. Sums keep the dtype of ``x``, whatever that of the products.
    """
    return slots.spread(multiply(slots.gather(x), weight, slots.ends, dtype, slots.width))


def convolve_backward(
    grad: Tensor, x: Tensor, weight: Tensor, slots: Slots, dtype: torch.dtype | None = None
) -> tuple[Tensor, Tensor]:
    """The gradients of ``x`` and ``weight``; the sources are gathered again, not kept."""
    grad_product = slots.spread_back(grad)
    grad_weight = multiply(slots.gather(x).t(), grad_product, slots.ends, dtype, slots.width)
    grad_gathered = multiply(grad_product, weight.transpose(1, 2), slots.ends, dtype, slots.width)
    return slots.gather_back(grad_gathered), grad_weight


def as_factor(x: Tensor, dtype: torch.dtype | None) -> Tensor:
    """A factor of a product in another dtype.

    On a processor it is rounded and kept as it is: the products are then those of half precision with sums in single,
    as a GPU computes them, and few processors have instructions of their own for that; the others take many times as
    long.
    """
    if dtype is None or dtype == x.dtype:
        return x
    return x.to(dtype) if x.is_cuda else x.to(dtype).to(x.dtype)


def multiply(a: Tensor, b: Tensor, ends: Tensor, dtype: torch.dtype | None = None, width: int = 0) -> Tensor:
    """One product per relation: of its rows in ``a`` with its matrix in ``b``, or of its columns and its rows.

    Args:
        a: Left factors.
        b: Right factors.
        ends: Where each relation's rows end.
        dtype: That of the factors in the products; their own by default. The output has that of ``a``.
        width: How many rows each relation has, where all have as many; else 0.

    Shapes:
        - **a**: ``(P, I)`` and **b**: ``(R, I, O)``; output: ``(P, O)``.
        - or **a**: ``(I, P)`` and **b**: ``(P, O)``; output: ``(R, I, O)``.
    """
    if dtype is not None and dtype != a.dtype:
        return multiply(as_factor(a, dtype), as_factor(b, dtype), ends, width=width).to(a.dtype)
    is_outer = b.dim() == 2
    if width:
        if is_outer:
            return torch.bmm(a.t().unflatten(0, (-1, width)).transpose(1, 2), b.unflatten(0, (-1, width)))
        return torch.bmm(a.unflatten(0, (-1, width)), b).flatten(0, 1)
    widths = (a.shape[0], b.shape[1]) if is_outer else (a.shape[1], b.shape[2])
    is_whole = not any(width * a.element_size() % GROUPED_BYTES for width in widths)
    if a.dtype != torch.float64 and a.numel() and is_whole:
        return functional.grouped_mm(a, b, offs=ends)
    out = a.new_zeros((ends.numel(), *widths) if is_outer else (a.shape[0], widths[1]))
    if not a.numel():
        return out
    for r, (begin, end) in enumerate(pairwise((0, *ends.tolist()))):
        if is_outer:
            torch.mm(a[:, begin:end], b[begin:end], out=out[r])
        else:
            torch.mm(a[begin:end], b[r], out=out[begin:end])
    return out


class _SlotConv(torch.autograd.Function):
    """:func:`convolve` with its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, slots: Slots) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.slots = slots
        return convolve(x, weight, slots)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        return *convolve_backward(grad_outputs[0].contiguous(), x, weight, ctx.slots), None


class RelationalConv(nn.Module):
    r"""One weight matrix per relation, messages weighted by confidence.

    .. math:: y_v = \sum_r \frac{1}{c_{v,r}} \sum_{(u, r, v)} m\, w\, W_r x_u

    with confidence ``w``, multiplicity ``m`` and the norm ``c`` of :class:`~nsm.nn.graph.RelationalGraph`.

    Args:
        in_channels: Number of input features.
        out_channels: Number of output features.
        num_relations: Number of relations, reverses included.

    Shapes:
        - **x**: ``(N_src, in_channels)``; output: ``(num_dst, out_channels)``.

    References:
        Schlichtkrull et al., Modeling Relational Data with Graph Convolutional Networks, ESWC 2018.
    """

    def __init__(self, in_channels: int, out_channels: int, num_relations: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_relations, in_channels, out_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the weights so that a node reached by three relations keeps the variance of its inputs."""
        bound = math.sqrt(1.0 / self.weight.shape[1])
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor, slots: Slots) -> Tensor:
        """Sends the messages and sums them at their destinations."""
        weight = self.weight
        with torch.autocast(x.device.type, enabled=False):
            out: Tensor = _SlotConv.apply(x.to(weight.dtype), weight, slots)  # type: ignore[no-untyped-call]
        return out
