"""The learning rate over a run."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nsm.config import Config
from nsm.training.schedules import build_scheduler, learning_rate_factor

STEPS = st.integers(0, 300)


@given(STEPS, STEPS, st.integers(1, 300), st.sampled_from(["cosine", "constant"]))
def test_a_share_between_none_and_all(step: int, warmup_steps: int, total_steps: int, schedule: str) -> None:
    factor = learning_rate_factor(step, schedule=schedule, warmup_steps=warmup_steps, total_steps=total_steps)
    assert 0 <= factor <= 1


@given(st.integers(1, 50), st.integers(1, 50))
def test_up_then_down(warmup_steps: int, rest: int) -> None:
    total = warmup_steps + rest
    factors = [
        learning_rate_factor(s, schedule="cosine", warmup_steps=warmup_steps, total_steps=total)
        for s in range(total + 1)
    ]
    top = factors.index(1.0)
    assert factors[: top + 1] == sorted(factors[: top + 1])
    assert factors[top:] == sorted(factors[top:], reverse=True)
    assert factors[-1] == pytest.approx(0, abs=1e-12)


def test_an_unknown_schedule() -> None:
    with pytest.raises(ValueError, match="got 'stairs'"):
        learning_rate_factor(0, schedule="stairs", warmup_steps=0, total_steps=1)


def test_a_run_shorter_than_its_warm_up_still_reaches_the_peak() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    scheduler = build_scheduler(optimizer, Config(epochs=1, warmup_epochs=5.0), steps_per_epoch=10)
    rates = []
    for _ in range(10):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    assert max(rates) == 2.0
    assert rates[0] == pytest.approx(2.0 / 5)
    assert scheduler.get_last_lr()[0] == 0.0
