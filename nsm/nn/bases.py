"""Relations that share their weights: the matrix of each is a mixture of a few."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nsm.nn.conv import RelationalConv

__all__ = ["BasisConv", "share_bases"]


class BasisConv(RelationalConv):
    r"""A relational convolution whose weights are decomposed into bases.

    .. math:: W_r = \sum_{b=1}^{B} a_{r,b} V_b

    Of many relations most have few edges to learn from; what they share they learn together. It computes as with
    weights of their own: the mixtures are made once for all edges.

    Args:
        in_channels: Number of input features.
        out_channels: Number of output features.
        num_relations: Number of relations, reverses included.
        num_bases: Number of matrices ``B``.

    Shapes:
        - **share**: ``(num_relations, B)``; **bases**: ``(B, in_channels, out_channels)``.
        - **x**: ``(N_src, in_channels)``; output: ``(num_dst, out_channels)``.

    Raises:
        ValueError: Without a basis.

    References:
        Schlichtkrull et al., Modeling Relational Data with Graph Convolutional Networks, ESWC 2018, section 2.2.
    """

    def __init__(self, in_channels: int, out_channels: int, num_relations: int, num_bases: int) -> None:
        nn.Module.__init__(self)  # there is no weight to be drawn
        if num_bases < 1:
            raise ValueError(f"expected at least 1 basis, got {num_bases}")
        self.share = nn.Parameter(torch.empty(num_relations, num_bases))
        self.bases = nn.Parameter(torch.empty(num_bases, in_channels, out_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws them so that the mixtures vary as much as weights of their own."""
        bound = math.sqrt(1.0 / self.bases.shape[1])
        nn.init.uniform_(self.bases, -bound, bound)
        nn.init.normal_(self.share, std=math.sqrt(1.0 / self.bases.shape[0]))

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """The mixtures, ``(num_relations, in_channels, out_channels)``, in float32 even under autocast."""
        with torch.autocast(self.share.device.type, enabled=False):
            mixed: Tensor = (self.share @ self.bases.flatten(1)).unflatten(1, self.bases.shape[1:])
        return mixed


def share_bases(model: nn.Module, num_bases: int) -> None:
    """Gives bases to every convolution of a model that has fewer parameters with them; these weights are drawn anew.

    Args:
        model: Whose convolutions.
        num_bases: Number of matrices of each; with 0 nothing happens.
    """
    for module in list(model.modules()) if num_bases else ():
        for name, conv in module.named_children():
            if isinstance(conv, RelationalConv):
                relations, inputs, outputs = conv.weight.shape
                if num_bases * (inputs * outputs + relations) < conv.weight.numel():
                    mixed = BasisConv(inputs, outputs, relations, num_bases).to(conv.weight)
                    setattr(module, name, mixed.train(conv.training))
