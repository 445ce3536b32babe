"""Relational convolution whose weights are diagonal: as many numbers per relation as there are features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


@dataclass(frozen=True, eq=False)
class MessageEdges:
    """Edges sorted by relation, then destination: the form in which messages are computed.

    Args:
        num_dst: Number of destination nodes.
        num_relations: Number of relations, reverses included.

    Shapes:
        - **src**, **dst**: ``(E,)`` indices into the source and the destination nodes.
        - **relation**: ``(E,)`` ascending.
        - **coefficient**: ``(E,)`` confidence times multiplicity, divided by the norm of its destination and
          relation.
    """

    src: Tensor
    dst: Tensor
    relation: Tensor
    coefficient: Tensor
    num_dst: int
    num_relations: int

    @cached_property
    def segments(self) -> list[tuple[int, tuple[int, int]]]:
        """The relations that have messages, each with the bounds of its segment."""
        bounds = (0, *torch.cumsum(torch.bincount(self.relation, minlength=self.num_relations), 0).tolist())
        return [(r, bound) for r, bound in enumerate(pairwise(bounds)) if bound[0] < bound[1]]


class _DiagonalConv(torch.autograd.Function):
    """``out[dst] += coefficient * x[src] * weight[relation]``; the backward pass gathers again what it needs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, edges: MessageEdges) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.edges = edges
        message = x.index_select(0, edges.src).mul_(edges.coefficient.unsqueeze(1))
        _scale(message, weight, edges)
        return x.new_zeros((edges.num_dst, x.shape[1])).index_add_(0, edges.dst, message)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        edges: MessageEdges = ctx.edges
        grad_message = grad_outputs[0].index_select(0, edges.dst).mul_(edges.coefficient.unsqueeze(1))
        grad_factor = x.index_select(0, edges.src).mul_(grad_message)
        grad_weight = torch.zeros_like(weight)
        for r, (begin, end) in edges.segments:
            torch.sum(grad_factor[begin:end], dim=0, out=grad_weight[r])
        _scale(grad_message, weight, edges)
        return torch.zeros_like(x).index_add_(0, edges.src, grad_message), grad_weight, None


def _scale(message: Tensor, weight: Tensor, edges: MessageEdges) -> None:
    """Multiplies each message by its relation's weights, in place."""
    for r, (begin, end) in edges.segments:
        message[begin:end] *= weight[r]


class DiagonalConv(nn.Module):
    r"""One vector per relation, :math:`y_v = \sum_{(u, r, v)} c\, w_r \odot x_u` with the messages' coefficients ``c``.

    A relation that few edges have is learned from few edges, so it should have few weights; a layer that mixes the
    features comes after.

    Args:
        channels: Number of features ``C``.
        num_relations: Number of relations, reverses included.

    Shapes:
        - **x**: ``(N_src, C)``; output: ``(num_dst, C)``.

    References:
        Yang et al., Embedding Entities and Relations for Learning and Inference in Knowledge Bases, ICLR 2015.
    """

    def __init__(self, channels: int, num_relations: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_relations, channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws the weights so that a message keeps the variance of its source."""
        nn.init.uniform_(self.weight, -math.sqrt(3.0), math.sqrt(3.0))

    def forward(self, x: Tensor, edges: MessageEdges) -> Tensor:
        """Sends the messages and sums them at their destinations."""
        with torch.autocast(x.device.type, enabled=False):
            out: Tensor = _DiagonalConv.apply(x.to(self.weight.dtype), self.weight, edges)  # type: ignore[no-untyped-call]
        return out
