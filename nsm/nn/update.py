"""The learned function of the coupling steps: what a node reads from its neighbours."""

from __future__ import annotations

from torch import Tensor, nn

from nsm.nn.conv import RelationalConv
from nsm.nn.graph import MessageEdges


class RelationalUpdate(nn.Module):
    r"""Normalise, convolve, activate, project.

    .. math:: f(x) = W_2\, \phi(\mathrm{conv}(\hat x) + W_1 \hat x), \qquad \hat x = \mathrm{LayerNorm}(x)

    Args:
        in_channels: Number of input features.
        hidden_channels: Number of features between the two maps.
        out_channels: Number of output features.
        num_relations: Number of relations, reverses included.
        use_root: Whether a node's own features take part, which needs sources and destinations to be the same
            nodes.
        scale: Factor on the initial ``W_2``; below one, a deep stack starts near the identity.

    Shapes:
        - **x**: ``(N_src, in_channels)``; output: ``(num_dst, out_channels)``.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        num_relations: int,
        *,
        use_root: bool = True,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(in_channels)
        self.conv = RelationalConv(in_channels, hidden_channels, num_relations)
        self.root = nn.Linear(in_channels, hidden_channels) if use_root else None
        self.activation = nn.ReLU()
        self.project = nn.Linear(hidden_channels, out_channels)
        self.project.weight.data.mul_(scale)

    def forward(self, x: Tensor, edges: MessageEdges) -> Tensor:
        """Returns the update; adding it to the stream is the caller's step."""
        x = self.norm(x)
        hidden = self.conv(x, edges)
        if self.root is not None:
            hidden = hidden + self.root(x)
        update: Tensor = self.project(self.activation(hidden))
        return update
