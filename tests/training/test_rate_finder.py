"""The range test: the rate rises exponentially, and the suggestion is a rate that trains."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nsm.config import Config
from nsm.data.packed import PackedGraphs
from nsm.errors import RunError
from nsm.models import build_model
from nsm.training.rate_finder import RateTest, range_test, smooth, suggest_rate
from nsm.training.seeds import seed_everything
from tests.training.toy_graphs import SMALL, running_out, toy_trainer


def found(graphs: PackedGraphs, steps: int = 60, high: float = 1.0, **changes: Any) -> RateTest:
    config = Config(**(dict(SMALL) | changes))
    seed_everything(config.seed)
    told: list[tuple[int, int]] = []
    test = range_test(
        config,
        build_model(config, graphs.schema),
        graphs.subset("train"),
        low=1e-5,
        high=high,
        steps=steps,
        advance=lambda done, total, _: told.append((done, total)),
    )
    assert told == [(step + 1, steps) for step in range(len(test.rates))]
    return test


def test_the_rate_rises_by_one_factor(graphs: PackedGraphs) -> None:
    test = found(graphs, high=1e-2)  # more steps than an epoch has batches
    assert (test.rates[0], test.rates[-1]) == pytest.approx((1e-5, 1e-2))
    factors = [after / before for before, after in zip(test.rates[:-1], test.rates[1:], strict=True)]
    assert factors == pytest.approx([1000 ** (1 / 59)] * 59)
    assert len(test.losses) == len(test.smoothed) == 60
    assert test.limit is None


def test_what_is_switched_on_counts(graphs: PackedGraphs) -> None:
    plain, more = found(graphs, steps=1), found(graphs, steps=1, auxiliary_weight=0.5)
    assert more.losses[0] > plain.losses[0] + 0.2  # half of what guessing costs, about
    assert found(graphs, steps=1, balance_weight=0.5).losses[0] > plain.losses[0]


def test_it_repeats_itself(graphs: PackedGraphs) -> None:
    assert found(graphs, dropout=0.1) == found(graphs, dropout=0.1)


def test_a_batch_in_parts_gives_the_same_losses(graphs: PackedGraphs) -> None:
    """As configured, and as they are found when memory runs out."""
    whole = found(graphs, high=1e-2)
    for accumulate, above in ((4, 4), (1, 5)):
        config = Config(**(dict(SMALL) | {"accumulate": accumulate}))
        seed_everything(config.seed)
        model = build_model(config, graphs.schema)
        with running_out(model, above=above):
            train = graphs.subset("train")
            parts = range_test(config, model, train, low=1e-5, high=1e-2, steps=60, advance=lambda *_: None)
        assert parts.losses == pytest.approx(whole.losses, rel=1e-3)


def drawn() -> tuple[float, float, float]:
    """What each global generator gives next."""
    return random.random(), np.random.random(), torch.rand(()).item()  # noqa: NPY002


def test_model_and_random_states_stay_as_they_were(graphs: PackedGraphs) -> None:
    config = Config(**(dict(SMALL) | {"dropout": 0.1}))
    model = build_model(config, graphs.schema).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    seed_everything(5)
    expected = drawn()
    seed_everything(5)
    arguments: dict[str, Any] = {"low": 1e-3, "high": 1.0, "steps": 8}
    range_test(config, model, graphs.subset("train"), **arguments, advance=lambda *_: None)

    def fail(done: int, total: int, what: str) -> None:
        del done, total, what
        torch.rand(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        range_test(config, model, graphs.subset("train"), **arguments, advance=fail)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not model.training
    assert all(weight.grad is None for weight in model.parameters())
    assert drawn() == expected


def test_it_stops_where_the_loss_explodes(graphs: PackedGraphs) -> None:
    test = found(graphs, steps=100, high=1e4, clip_norm=0.0)
    assert test.limit is not None
    assert 1e-5 < test.limit < 1e4
    assert len(test.rates) < 100
    assert max(test.rates) < test.limit
    assert all(map(math.isfinite, test.losses))


def test_the_suggestion_trains_better_than_rates_far_from_it(graphs: PackedGraphs, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"channels": 16, "cycle_weight": 0.0, "epochs": 8}
    rate = found(graphs, steps=100, **changes).suggestion
    assert rate is not None
    losses = []
    for factor in (0.01, 1.0, 100.0):
        trainer = toy_trainer(graphs, tmp_path, learning_rate=min(rate * factor, 10.0), schedule="constant", **changes)
        trainer.fit()
        losses.append(trainer.history[-1].metrics["train_loss"])
    assert losses[1] < 0.95 * min(losses[0], losses[2])


def test_a_model_that_is_broken_from_the_start(graphs: PackedGraphs) -> None:
    model = build_model(SMALL, graphs.schema)
    with torch.no_grad():
        next(model.parameters()).fill_(math.nan)
    with pytest.raises(RunError, match="the loss of a fresh model is nan"):
        range_test(SMALL, model, graphs.subset("train"), low=1e-5, high=1, steps=9, advance=lambda *_: None)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=40))
def test_smoothing_stays_between_the_losses(losses: list[float]) -> None:
    smoothed = smooth(losses)
    assert smoothed[0] == pytest.approx(losses[0])
    assert min(losses) - 1e-9 <= min(smoothed) <= max(smoothed) <= max(losses) + 1e-9
    assert max(RateTest([], losses, None, None).smoothed) <= max(losses) + 1e-9


@pytest.mark.parametrize("middle", [-4.0, -3.0, -2.0])
def test_the_suggestion_lies_between_the_beginning_and_the_steepest_place(middle: float) -> None:
    rates = [10 ** (-6 + 6 * step / 119) for step in range(120)]
    losses = [1 - 0.5 / (1 + math.exp(-4 * (math.log10(rate) - middle))) for rate in rates]
    beginning = middle - math.log(9) / 4  # where a tenth of the half is gone; smoothing advances it a little
    suggestion = suggest_rate(rates, losses)
    assert suggestion is not None
    assert math.log10(suggestion) == pytest.approx((beginning + middle) / 2, abs=0.25)


@pytest.mark.parametrize("losses", [[0.7] * 50, [0.7, 0.69] * 25, [0.5 + step / 50 for step in range(50)], [0.7], []])
def test_no_suggestion_where_nothing_falls(losses: list[float]) -> None:
    assert suggest_rate([1e-3] * len(losses), losses) is None
