"""Losses, each the mean of one term per graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from nsm.config.settings import CYCLE_WEIGHT

if TYPE_CHECKING:
    from nsm.models.output import Output


@dataclass(frozen=True)
class Losses:
    """The total and its terms, before weighting: 0-dimensional tensors."""

    total: Tensor
    task: Tensor
    cycle: Tensor
    auxiliary: Tensor
    balance: Tensor
    decode: Tensor


def reconstruction_error(reconstructed: Tensor, target: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
    r"""Relative error per graph, against the graph's own mean, so that a constant gains nothing.

    .. math:: \frac{\lVert \hat x - x \rVert}{\lVert x - \bar x \rVert}

    Shapes:
        - **reconstructed**, **target**: ``(N, C)``; **batch**: ``(N,)``; output: ``(num_graphs,)``.
    """
    size = torch.bincount(batch, minlength=num_graphs).clamp(min=1).unsqueeze(1)
    mean = target.new_zeros((num_graphs, target.shape[1])).index_add_(0, batch, target) / size
    spread = target.new_zeros(num_graphs).index_add_(0, batch, (target - mean[batch]).square().sum(1))
    miss = target.new_zeros(num_graphs).index_add(0, batch, (reconstructed - target).square().sum(1))
    # a graph of one node, or of equal nodes, has no spread: its norm takes the place
    whole = target.new_zeros(num_graphs).index_add_(0, batch, target.square().sum(1))
    spread = torch.where(spread > 1e-6 * whole, spread, whole)
    return torch.sqrt(miss + 1e-12) / torch.sqrt(spread + 1e-12)


def compute_loss(
    output: Output,
    batch: Any,
    cycle_weight: float = CYCLE_WEIGHT,
    *,
    auxiliary_weight: float = 0.0,
    balance_weight: float = 0.0,
    decode_weight: float = 0.0,
) -> Losses:
    """Task loss plus ``cycle_weight`` times the reconstruction error without details, plus what is switched on.

    Args:
        output: What the model returned for ``batch``.
        batch: Our batch or PyTorch Geometric's, with labels ``y``.
        cycle_weight: Weight of the reconstruction error; with 0, or where the model reconstructed nothing, it
            does not count.
        auxiliary_weight: Weight of the mean over the levels of the task loss of what each says by itself; nothing where
            the output has no such logits.
        balance_weight: Weight of the clusters' imbalance; nothing where it was not measured.
        decode_weight: Weight of what is not read from the reconstruction, beside its error: both times
            ``cycle_weight``; nothing where that is 0, or it was not read.
    """
    task = functional.cross_entropy(output.logits, batch.y)
    cycle = task.new_zeros(())
    if output.reconstructed is not None and output.target is not None:
        error = reconstruction_error(output.reconstructed, output.target, output.batch, output.logits.shape[0])
        cycle = error.mean()
    auxiliary = task.new_zeros(())
    if output.level_logits:
        auxiliary = torch.stack([functional.cross_entropy(logits, batch.y) for logits in output.level_logits]).mean()
    balance = task.new_zeros(()) if output.imbalance is None else output.imbalance.mean()
    decode = task.new_zeros(())
    if output.undecoded is not None and cycle_weight > 0:
        decode = output.undecoded.mean()
    total, weights = task, (cycle_weight, auxiliary_weight, balance_weight, cycle_weight * decode_weight)
    for weight, term in zip(weights, (cycle, auxiliary, balance, decode), strict=True):
        total = total + weight * term if weight else total
    return Losses(total, task, cycle, auxiliary, balance, decode)
