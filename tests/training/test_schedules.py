"""The learning rate over a run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nsm.config import Config
from nsm.data.packed import PackedGraphs
from nsm.training.checkpoints import load_checkpoint
from nsm.training.schedules import SCHEDULES, Schedule, build_scheduler, cycle_weight, learning_rate_factor
from nsm.training.state import restore
from tests.training.test_trainer import AtStep, equal, request_stop
from tests.training.toy_graphs import continued, toy_trainer

STEPS = st.integers(0, 300)


def schedule_of(steps_per_epoch: int = 10, lr: float = 1.0, **changes: Any) -> Schedule:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    return build_scheduler(optimizer, Config(**changes), steps_per_epoch)


def rates_of(scheduler: Schedule, steps: int) -> list[float]:
    """The rates of so many steps."""
    rates = []
    for _ in range(steps):
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return rates


@given(STEPS, STEPS, st.integers(1, 300), st.sampled_from(SCHEDULES))
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
    scheduler = schedule_of(lr=2.0, epochs=1, warmup_epochs=5.0)
    rates = rates_of(scheduler, 10)
    assert max(rates) == 2.0
    assert rates[0] == pytest.approx(2.0 / 5)
    assert scheduler.get_last_lr()[0] == 0.0


@pytest.mark.parametrize("total", [10, 37, 200])
def test_one_cycle_is_that_of_torch(total: int) -> None:
    rates = rates_of(schedule_of(total, epochs=1, schedule="one-cycle", warmup_epochs=0), total)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    # torch puts the peak at step 0.3 n - 1 of n and the end at n - 1
    share = (round(0.3 * total) + 1) / (total + 1)
    torchs = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total + 1, pct_start=share, cycle_momentum=False)
    expected = []
    for _ in range(total):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        torchs.step()
    assert rates == pytest.approx(expected)


def test_one_cycle_rises_for_the_warm_up_at_least() -> None:
    rates = rates_of(schedule_of(epochs=10, schedule="one-cycle", warmup_epochs=4.0), 100)
    assert rates.index(max(rates)) == 40
    assert max(rates) == 1.0


def validated(scheduler: Schedule, losses: list[float], **changes: Any) -> list[float]:
    rates = []
    for loss in losses:
        scheduler.validated(loss, Config(**changes))
        rates += rates_of(scheduler, 1)
    return rates


def test_a_plateau_lowers_the_rate_again_and_again() -> None:
    how: dict[str, Any] = {"schedule": "plateau", "plateau_patience": 2, "plateau_factor": 0.1}
    losses = [1.0, 0.9, 0.9, 0.95, 0.8, 0.8, math.nan, 0.8, 0.8]
    rates = validated(schedule_of(warmup_epochs=0, **how), losses, **how)
    assert rates == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001])


def test_other_schedules_take_no_note_of_a_plateau() -> None:
    assert validated(schedule_of(warmup_epochs=0, schedule="constant"), [1.0] * 9, schedule="constant") == [1.0] * 9


def test_a_plateau_during_the_warm_up_lowers_its_peak() -> None:
    how: dict[str, Any] = {"schedule": "plateau", "plateau_patience": 1, "plateau_factor": 0.5}
    rates = validated(schedule_of(4, warmup_epochs=1, **how), [1.0, 1.0, 0.9, 0.8, 0.7], **how)
    assert rates == pytest.approx([1 / 4, 2 / 8, 3 / 8, 4 / 8, 1 / 2])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_goes_on_exactly(graphs: PackedGraphs, tmp_path: Path, schedule: str) -> None:
    how: dict[str, Any] = {"schedule": schedule, "epochs": 4, "plateau_patience": 1, "learning_rate": 0.3}
    whole = toy_trainer(graphs, tmp_path, **how)
    whole.fit()
    stopped = toy_trainer(graphs, tmp_path, AtStep(17, request_stop), **how)
    stopped.fit()
    again = continued(graphs, stopped)
    restore(again, load_checkpoint(stopped.run.last), stopped.run.last)
    if schedule == "plateau":
        assert again.scheduler.scale < 1
    again.fit()
    assert again.history == whole.history
    assert equal(again.model.state_dict(), whole.model.state_dict())


def test_the_weight_of_the_reconstruction_rises_by_the_square() -> None:
    config = Config(cycle_weight=0.5, cycle_warmup_epochs=2, cycle_every=1)
    assert [cycle_weight(step, config, 5) for step in (0, 4, 9, 10, 99)] == pytest.approx([0.005, 0.125, 0.5, 0.5, 0.5])
    seldom = Config(cycle_weight=0.5, cycle_warmup_epochs=0, cycle_every=3)
    assert [cycle_weight(step, seldom, 5) for step in range(5)] == [1.5, 0.0, 0.0, 1.5, 0.0]
