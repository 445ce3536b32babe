"""The lifting step between two levels: analysis (WHY) and synthesis (WHAT) of a wavelet on a graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nsm.nn.contraction import PLACES, Contraction
from nsm.nn.update import RelationalUpdate


class Lifting(nn.Module):
    r"""Predict the dropped nodes from the kept ones, keep the surprise, and update the kept ones with it.

    .. math::
        d &= x_D - P(x_K) \\
        c &= x_K \cdot (1 + \sigma(s_K)) + U(d)

    The way back without the details guesses them from the kept nodes, :math:`\hat d = Q(c)`.

    Args:
        channels: Number of features ``C``.
        num_relations: Number of relations, reverses not counted.
        hidden_channels: Number of features of the messages; ``C`` by default.

    Shapes:
        - **x**: ``(N, C)``; **coarse**: ``(K, C)``; **detail**: ``(N - K, C)``.

    References:
        Sweldens, The Lifting Scheme, SIAM J. Math. Anal. 1998; the gate is that of Gao and Ji, Graph U-Nets,
        ICML 2019, made invertible by its one and by storing the scores.
    """

    def __init__(self, channels: int, num_relations: int, hidden_channels: int | None = None) -> None:
        super().__init__()
        widths = (channels, hidden_channels or channels, channels)
        relations = 2 * (num_relations + PLACES)
        self.score = nn.Linear(channels, 1)
        self.predict = RelationalUpdate(*widths, relations, use_root=False)
        self.update = RelationalUpdate(*widths, relations, use_root=False, scale=0.5)
        self.guess = RelationalUpdate(*widths, relations, use_root=False, scale=0.5)

    def forward(self, x: Tensor, plan: Contraction) -> tuple[Tensor, Tensor]:
        """Analysis: features of the kept nodes, and the details of the dropped ones."""
        down, up = plan.messages
        kept = x.index_select(0, plan.kept)
        detail = x.index_select(0, plan.dropped) - self.predict(kept, down).to(x.dtype)
        coarse = kept * self._gate(plan) + self.update(detail, up).to(x.dtype)
        return coarse, detail

    def inverse(self, coarse: Tensor, detail: Tensor | None, plan: Contraction) -> Tensor:
        """Synthesis: the exact inverse, or without details what the kept nodes alone explain."""
        down, up = plan.messages
        if detail is None:
            detail = self.guess(coarse, down).to(coarse.dtype)
        kept = (coarse - self.update(detail, up).to(coarse.dtype)) / self._gate(plan)
        dropped = detail + self.predict(kept, down).to(coarse.dtype)
        x = coarse.new_zeros((plan.leader.numel(), coarse.shape[1]))
        return x.index_copy(0, plan.kept, kept).index_copy(0, plan.dropped, dropped)

    def _gate(self, plan: Contraction) -> Tensor:
        return 1 + torch.sigmoid(plan.score.index_select(0, plan.kept)).unsqueeze(1)
