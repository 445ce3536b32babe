"""Relational convolution by relation-sorted segments."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from nsm.nn.graph import MessageEdges


class _SegmentConv(torch.autograd.Function):
    """``out[dst] += coefficient * x[src] @ weight[relation]`` with one product per relation.

    No weight is gathered per edge, and the backward pass gathers the sources again instead of keeping them.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, edges: MessageEdges) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.edges = edges
        source = x.index_select(0, edges.src)
        message = x.new_empty((source.shape[0], weight.shape[2]))
        for r, (begin, end) in segments(edges.relation_ptr):
            torch.mm(source[begin:end], weight[r], out=message[begin:end])
        message *= edges.coefficient.unsqueeze(1)
        return x.new_zeros((edges.num_dst, weight.shape[2])).index_add_(0, edges.dst, message)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        edges: MessageEdges = ctx.edges
        source = x.index_select(0, edges.src)
        grad_message = grad_outputs[0].index_select(0, edges.dst).mul_(edges.coefficient.unsqueeze(1))
        grad_source, grad_weight = torch.empty_like(source), torch.zeros_like(weight)
        for r, (begin, end) in segments(edges.relation_ptr):
            torch.mm(grad_message[begin:end], weight[r].t(), out=grad_source[begin:end])
            torch.mm(source[begin:end].t(), grad_message[begin:end], out=grad_weight[r])
        return torch.zeros_like(x).index_add_(0, edges.src, grad_source), grad_weight, None


def segments(relation_ptr: tuple[int, ...]) -> list[tuple[int, tuple[int, int]]]:
    """The relations that have edges, each with the bounds of its segment."""
    return [(r, bound) for r, bound in enumerate(pairwise(relation_ptr)) if bound[0] < bound[1]]


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

    def forward(self, x: Tensor, edges: MessageEdges) -> Tensor:
        """Sends the messages and sums them at their destinations."""
        with torch.autocast(x.device.type, enabled=False):
            out: Tensor = _SegmentConv.apply(x.to(self.weight.dtype), self.weight, edges)  # type: ignore[no-untyped-call]
        return out
