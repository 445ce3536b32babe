"""What the abstract level should tell of the nodes, in words that a person can read: their types and their roles."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["NodeDecoder"]


class NodeDecoder(nn.Module):
    r"""Reads types and roles from what the abstract level alone explains, by a linear map each.

    A small reconstruction error does not say that a node's type is kept: the encoder may make little of it. Where this
    term counts, the error of the reading does.

    .. math:: \ell_g = -\frac{1}{N_g} \sum_{v \in g} \log p(t_v \mid W_t \hat x_v) + \log p(r_v \mid W_r \hat x_v)

    Args:
        channels: Number of features ``C``.
        num_types: Number of node types.
        num_roles: Number of roles.

    Shapes:
        - **reconstructed**: ``(N, C)``; **node_type**, **role**: ``(N,)`` ids; **batch**: ``(N,)`` graph of each node.
        - output: ``(num_graphs,)``.
    """

    def __init__(self, channels: int, num_types: int, num_roles: int) -> None:
        super().__init__()
        self.of_type, self.of_role = nn.Linear(channels, num_types), nn.Linear(channels, num_roles)

    def forward(self, reconstructed: Tensor, node_type: Tensor, role: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
        """The mean cross-entropy over the nodes of each graph, of both together."""
        pairs = ((self.of_type(reconstructed), node_type), (self.of_role(reconstructed), role))
        miss = torch.stack([functional.cross_entropy(scores, kind, reduction="none") for scores, kind in pairs]).sum(0)
        size = torch.bincount(batch, minlength=num_graphs).clamp(min=1)
        return miss.new_zeros(num_graphs).index_add(0, batch, miss) / size
