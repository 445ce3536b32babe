"""A range test: which learning rate makes a model learn fastest, before it makes the loss rise?"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from torch import nn

from nsm.data.loader import BatchLoader
from nsm.errors import RunError
from nsm.models.losses import compute_loss
from nsm.training.device import open_fabric
from nsm.training.interruption import Interruption
from nsm.training.memory import MicroBatches
from nsm.training.schedules import build_optimizer
from nsm.training.seeds import random_states, restore_random_states, set_step

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from nsm.config import Config
    from nsm.data.batch import GraphBatch
    from nsm.data.packed import PackedGraphs

__all__ = ["RateTest", "range_test", "smooth", "suggest_rate"]

SMOOTHING = 0.9
DIVERGENCE = 2.0  # times the lowest smoothed loss
FALL = 0.05  # of the loss, by which it has to fall before a rate is suggested

Advance = Callable[[int, int, str], None]


@dataclass(frozen=True)
class RateTest:
    """What a range test found.

    Attributes:
        rates: The learning rate of each step, from low to high.
        losses: The loss before each step.
        suggestion: The rate to train with; None where the loss hardly fell.
        limit: The rate at which the loss exploded; None where it did not.
    """

    rates: list[float]
    losses: list[float]
    suggestion: float | None
    limit: float | None

    @property
    def smoothed(self) -> list[float]:
        """The losses without their noise; the averages from both ends, so that nothing is shifted."""
        ahead, back = smooth(self.losses), smooth(self.losses[::-1])[::-1]
        return [(one + other) / 2 for one, other in zip(ahead, back, strict=True)]


def range_test(
    config: Config, model: nn.Module, train: PackedGraphs, *, low: float, high: float, steps: int, advance: Advance
) -> RateTest:
    """Trains a copy for some steps while the learning rate rises exponentially, and stops where the loss explodes.

    Optimiser, batches and their parts, precision and clipping are those of the training. The reconstruction error
    counts as at its beginning: not at all where its weight rises from nothing. The model and the random states stay as
    they were.

    Args:
        config: What would be trained.
        model: Weights to start from.
        train: Training graphs.
        low: First learning rate.
        high: Last one.
        steps: How many there are.
        advance: Told of each step.

    Raises:
        RunError: If the test is stopped, or the loss is no finite number from the first step on.

    References:
        Smith, "Cyclical Learning Rates for Training Neural Networks" (2017).
    """
    step_at = _stepper(config, copy.deepcopy(model), open_fabric(config))
    rates: list[float] = []
    losses: list[float] = []
    with _kept_random_states(), Interruption() as interruption:
        for step, batch in enumerate(_batches(config, train, steps)):
            rate = low * (high / low) ** (step / max(1, steps - 1))
            loss = step_at(step, batch, rate)
            if step == 0 and not math.isfinite(loss):
                raise RunError(f"the loss of a fresh model is {loss}: no rate can mend that")
            if _is_divergent([*losses, loss]):
                return RateTest(rates, losses, suggest_rate(rates, losses), limit=rate)
            rates.append(rate)
            losses.append(loss)
            advance(step + 1, steps, f"rate {rate:.1e}, loss {loss:.3f}")
            if interruption.requested:
                raise RunError("the test was stopped before its end")
    return RateTest(rates, losses, suggest_rate(rates, losses), limit=None)


@contextmanager
def _kept_random_states() -> Iterator[None]:
    """Puts every global generator back when the block ends, in whatever way."""
    states = random_states()
    try:
        yield
    finally:
        restore_random_states(states)


def _stepper(config: Config, model: nn.Module, fabric: Fabric) -> Callable[[int, GraphBatch, float], float]:
    """One step of the training at a given rate; returns the loss before it."""
    wrapped, optimizer = fabric.setup(model.train(), build_optimizer(model, config, fabric.device))
    weight, micro = 0.0 if config.cycle_warmup_epochs else config.cycle_weight, MicroBatches.configured(config)

    def step_at(step: int, batch: GraphBatch, rate: float) -> float:
        for group in optimizer.param_groups:
            group["lr"] = rate

        def compute(part: GraphBatch, first: int) -> float:
            part, share = part.to(fabric.device), part.num_graphs / batch.num_graphs
            set_step(model, step, first)
            output = wrapped(part, reconstruct=weight > 0)
            loss = compute_loss(output, part, weight, **config.term_weights).total * share
            fabric.backward(loss)
            return loss.item()

        loss = sum(micro.map(batch, compute, optimizer.zero_grad))
        if config.clip_norm:
            fabric.clip_gradients(wrapped, optimizer, max_norm=config.clip_norm, error_if_nonfinite=False)
        optimizer.step()
        return loss

    return step_at


def _batches(config: Config, train: PackedGraphs, steps: int) -> Iterator[GraphBatch]:
    """So many batches, from as many epochs as they need."""
    loader = BatchLoader(train, config.batch_size, seed=config.seed)
    for epoch in range(math.ceil(steps / len(loader))):
        yield from islice(loader.epoch(epoch), steps - epoch * len(loader))


def _is_divergent(losses: Sequence[float]) -> bool:
    """Whether the smoothed loss has risen far above its lowest, or is no finite number any more."""
    smoothed = smooth(losses)
    return not math.isfinite(losses[-1]) or smoothed[-1] > DIVERGENCE * min(smoothed)


def smooth(losses: Sequence[float]) -> list[float]:
    """The exponential moving average, corrected for its beginning at nothing.

    Example:
        >>> smooth([2.0, 2.0, 2.0])
        [2.0, 2.0, 2.0]
    """
    smoothed, mean = [], 0.0
    for step, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed.append(mean / (1 - SMOOTHING**step))
    return smoothed


def suggest_rate(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """Halfway, by factors, from where the smoothed loss begins to fall to where it falls most steeply.

    It begins where 5 % are gone. The steepest place is looked for before the loss is lowest; alone it is too high for a
    training that begins there, since the lower rates before it have done their part. None where the loss hardly falls.

    References:
        Smith (2017), section 3.3, for the beginning as the lower bound; for the other bound the rule ``steep`` of
        fastai's ``lr_find``.
    """
    smoothed = RateTest(list(rates), list(losses), None, None).smoothed
    reach = max(1, len(smoothed) // 20)
    lowest = min(range(len(smoothed)), key=smoothed.__getitem__, default=0)
    slopes = {
        step: smoothed[step + reach] - smoothed[step - reach]
        for step in range(reach, min(lowest + 1, len(smoothed) - reach))
    }
    fallen = [step for step, loss in enumerate(smoothed) if loss < (1 - FALL) * smoothed[0]]
    if not slopes or not fallen:
        return None
    steepest = min(slopes, key=slopes.__getitem__)
    return math.sqrt(rates[min(fallen[0], steepest)] * rates[steepest])
