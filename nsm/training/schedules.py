"""How the learning rate changes over a run."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

if TYPE_CHECKING:
    from nsm.config import Config

__all__ = ["build_scheduler", "learning_rate_factor"]


def learning_rate_factor(step: int, *, schedule: str, warmup_steps: int, total_steps: int) -> float:
    r"""Share of the peak learning rate at a step, counted from 0.

    Linear warm-up to 1, then constant or :math:`(1 + \cos \pi t) / 2` with ``t`` from 0 to 1.

    Raises:
        ValueError: For a schedule that does not exist.

    Example:
        >>> [learning_rate_factor(s, schedule="cosine", warmup_steps=2, total_steps=6) for s in (0, 1, 2, 4)]
        [0.5, 1.0, 1.0, 0.5]
    """
    if schedule not in ("cosine", "constant"):
        raise ValueError(f"expected the schedule 'cosine' or 'constant', got {schedule!r}")
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    if schedule == "constant":
        return 1.0
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def build_scheduler(optimizer: Optimizer, config: Config, steps_per_epoch: int) -> LambdaLR:
    """The configured schedule, advanced once per step. The warm-up is half of the run at most."""
    total = config.epochs * steps_per_epoch
    factor = partial(
        learning_rate_factor,
        schedule=config.schedule,
        warmup_steps=min(round(config.warmup_epochs * steps_per_epoch), total // 2),
        total_steps=total,
    )
    return LambdaLR(optimizer, factor)
