"""What a node makes of what its leader has found."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["GatedFusion"]


class GatedFusion(nn.Module):
    r"""Mixes the features of one level with those of the nodes' leaders.

    .. math:: y = g \odot u + (1 - g) \odot W d, \qquad g = \sigma(a)

    Args:
        channels: Number of features ``C``.

    Shapes:
        - **up**, **down** (of the leaders), output: ``(N, C)``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.full((channels,), 1.0))
        self.map = nn.Linear(channels, channels)

    def forward(self, up: Tensor, down: Tensor) -> Tensor:
        """Returns the mixture."""
        gate = torch.sigmoid(self.gate)
        mapped: Tensor = self.map(down)
        return gate * up + (1 - gate) * mapped
