"""The optimiser, and how the learning rate and the weight of the reconstruction change over a run."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

if TYPE_CHECKING:
    from nsm.config import Config

__all__ = ["Schedule", "build_optimizer", "build_scheduler", "cycle_weight", "learning_rate_factor"]

SCHEDULES = ("cosine", "constant", "one-cycle", "plateau")
RISE_SHARE = 0.3  # of a one-cycle run in which the rate rises
FIRST_SHARE, LAST_SHARE = 1 / 25, 1e-4 / 25  # of the peak, where one cycle begins and ends


def learning_rate_factor(step: int, *, schedule: str, warmup_steps: int, total_steps: int) -> float:
    r"""Share of the peak learning rate at a step, counted from 0.

    Linear warm-up to 1, then constant, or :math:`(1 + \cos \pi t) / 2` with ``t`` from 0 to 1. One cycle has a
    rise of its own: along a cosine from 1/25 of the peak in 30 % of the run, and at least the warm-up, then down to
    nearly nothing. On a plateau, see :class:`Schedule`; without one, its rate is constant.

    Raises:
        ValueError: For a schedule that does not exist.

    Example:
        >>> [learning_rate_factor(s, schedule="cosine", warmup_steps=2, total_steps=6) for s in (0, 1, 2, 4)]
        [0.5, 1.0, 1.0, 0.5]

    References:
        Smith and Topin, "Super-Convergence" (2018), for one cycle; the momentum stays as it is here.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"expected one of the schedules {', '.join(SCHEDULES)}, got {schedule!r}")
    if schedule == "one-cycle":
        peak = max(warmup_steps, round(RISE_SHARE * total_steps))
        if step < peak:
            return 1 + (FIRST_SHARE - 1) * _descent(step / peak)
        return LAST_SHARE + (1 - LAST_SHARE) * _descent((step - peak) / max(1, total_steps - peak))
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    if schedule != "cosine":
        return 1.0
    return _descent((step - warmup_steps) / max(1, total_steps - warmup_steps))


def _descent(progress: float) -> float:
    """Half a cosine from 1 to 0, while ``progress`` goes from 0 to 1."""
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def build_optimizer(model: nn.Module, config: Config, device: torch.device) -> Optimizer:
    """AdamW as configured; on the processor one pass over all weights, which a GPU's gradient scaler cannot do."""
    fused = True if device.type == "cpu" else None
    rate, decay = config.learning_rate, config.weight_decay
    return torch.optim.AdamW(model.parameters(), rate, weight_decay=decay, fused=fused)


class Schedule(LambdaLR):
    """The learning rate of each step, and what validations have done to it; all of that is in its state.

    Args:
        optimizer: Whose rate it sets.
        share: Share of the peak rate at a step.
    """

    def __init__(self, optimizer: Optimizer, share: Callable[[int], float]) -> None:
        self.scale, self.lowest_loss, self.stale = 1.0, math.inf, 0
        super().__init__(optimizer, lambda step: self.scale * share(step))

    def validated(self, loss: float, config: Config) -> None:
        """Takes note of a validation; with the schedule ``plateau`` it may lower the rate from the next step on.

        That is multiplied by ``plateau_factor`` when ``plateau_patience`` validations in a row have brought no
        lower loss.
        """
        if config.schedule != "plateau":
            return
        self.stale = 0 if loss < self.lowest_loss else self.stale + 1
        self.lowest_loss = min(loss, self.lowest_loss)
        if self.stale < config.plateau_patience:
            return
        self.scale, self.stale = self.scale * config.plateau_factor, 0
        rates = [base * rate(self.last_epoch) for base, rate in zip(self.base_lrs, self.lr_lambdas, strict=True)]
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = rates


def build_scheduler(optimizer: Optimizer, config: Config, steps_per_epoch: int) -> Schedule:
    """The configured schedule, advanced once per step. The warm-up is half of the run at most."""
    total = config.epochs * steps_per_epoch
    share = partial(
        learning_rate_factor,
        schedule=config.schedule,
        warmup_steps=min(round(config.warmup_epochs * steps_per_epoch), total // 2),
        total_steps=total,
    )
    return Schedule(optimizer, share)


def cycle_weight(step: int, config: Config, steps_per_epoch: int) -> float:
    """Weight of the reconstruction error at a step, counted from 0; 0 where it is not computed.

    It rises by the square over the first epochs. Computed every k steps it counts k times as much.
    """
    if step % config.cycle_every:
        return 0.0
    risen = (step + 1) / max(config.cycle_warmup_epochs * steps_per_epoch, 1)
    return config.cycle_weight * config.cycle_every * min(risen, 1.0) ** 2
