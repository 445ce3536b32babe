"""How confidences combine when edges merge (sum) and when a path becomes an edge (product)."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Semiring(Protocol):
    """A commutative semiring on confidences in ``[0, 1]``: zero 0, one 1."""

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """Confidence of two steps of a path together."""

    def sum(self, values: Tensor, slot: Tensor, num_slots: int) -> Tensor:
        """Combined confidence of the parallel edges of each slot."""


class NoisyOr:
    r"""Independent evidence: paths multiply, parallel edges combine as :math:`1 - \prod_i (1 - c_i)`.

    Shapes:
        - **values**, **slot**: ``(E,)``; output of :meth:`sum`: ``(num_slots,)``.

    Example:
        >>> import torch
        >>> NoisyOr().sum(torch.tensor([0.5, 0.5, 0.2]), torch.tensor([0, 0, 1]), 2)
        tensor([0.7500, 0.2000])
    """

    def product(self, a: Tensor, b: Tensor) -> Tensor:
        """Both steps must hold."""
        return a * b

    def sum(self, values: Tensor, slot: Tensor, num_slots: int) -> Tensor:
        """At least one of the parallel edges must hold."""
        absent = torch.zeros(num_slots, dtype=values.dtype, device=values.device)
        absent.index_add_(0, slot, torch.log1p(-values))
        return -torch.expm1(absent)
