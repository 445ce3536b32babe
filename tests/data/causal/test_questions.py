"""Twins: the same question arranged in two ways, with prospects that add up to one."""

from __future__ import annotations

import numpy as np
import pytest

from nsm.data.causal.questions import COUNTERFACTUAL, MAX_BIAS, MIN_GAP, RUNGS, Question, find_twins
from nsm.data.causal.scenarios import Scenario, draw_scenario
from nsm.data.causal.worlds import Worlds
from tests.data.causal.small_models import as_row, outcomes

Found = list[tuple[Scenario, tuple[Question, Question]]]


def twins_of(rung: int, wanted: int = 12, size: int = 7, hidden_share: float = 0.3) -> Found:
    rng = np.random.default_rng(rung)
    found: Found = []
    while len(found) < wanted:
        scenario = draw_scenario(rng, size, hidden_share)
        if scenario is not None:
            found += [(scenario, pair) for pair in find_twins(scenario, Worlds(scenario.model), rung, rng)]
    return found


@pytest.mark.parametrize("rung", range(len(RUNGS)), ids=RUNGS)
def test_twins_share_all_that_can_be_counted(rung: int) -> None:
    for scenario, (first, second) in twins_of(rung):
        assert first.rung == second.rung == rung
        assert first.query == second.query != scenario.hidden
        for values in ("observed", "intervened"):
            one, other = getattr(first, values), getattr(second, values)
            assert sorted(one.tolist()) == sorted(other.tolist())
            assert one[first.query] == other[second.query]
        both = sorted(zip(first.observed.tolist(), first.intervened.tolist(), strict=True))
        assert both == sorted(zip(second.observed.tolist(), second.intervened.tolist(), strict=True))
        assert abs(first.probability + second.probability - 1) <= MAX_BIAS
        assert abs(first.probability - second.probability) >= MIN_GAP


@pytest.mark.parametrize("rung", range(len(RUNGS)), ids=RUNGS)
def test_each_rung_asks_what_it_should(rung: int) -> None:
    for scenario, pair in twins_of(rung):
        for question in pair:
            is_set, is_seen = question.intervened >= 0, question.observed >= 0
            assert is_set.any() == (rung > 0)
            assert not is_set[question.query]
            if scenario.hidden is not None:
                assert not is_seen[scenario.hidden] and not is_set[scenario.hidden]
            if rung == COUNTERFACTUAL:
                assert (question.observed[is_set] == 1 - question.intervened[is_set]).all(), "had it been otherwise"
            else:
                assert not is_seen[question.query]
                assert not (is_seen & is_set).any()
                assert is_seen.any() or rung > 0


def test_the_order_of_twins_says_nothing() -> None:
    higher = [first.probability > second.probability for _, (first, second) in twins_of(0, wanted=60)]
    assert 15 < sum(higher) < 45


@pytest.mark.parametrize("rung", range(len(RUNGS)), ids=RUNGS)
def test_probabilities_are_those_of_brute_force(rung: int) -> None:
    """Over every outcome of the noise, of twins whose noise is small enough to be listed."""
    rng = np.random.default_rng(20 + rung)
    checked = 0
    while checked < 1:
        scenario = draw_scenario(rng, 5, 0.0)
        if scenario is None or (scenario.model.parent >= 0).sum() > 4:
            continue
        for pair in find_twins(scenario, Worlds(scenario.model), rung, rng)[:1]:
            checked += 1
            for question in pair:
                assert brute_force(scenario, question) == pytest.approx(question.probability, abs=1e-9)


def brute_force(scenario: Scenario, question: Question) -> float:
    fixed = {int(v): int(question.intervened[v]) for v in np.flatnonzero(question.intervened >= 0)}
    evidence = ones = 0.0
    for probability, world, twin in outcomes(scenario.model, fixed):
        seen = np.array(world if question.rung == COUNTERFACTUAL else twin)
        if ((question.observed < 0) | (question.observed == seen)).all():
            evidence += probability
            ones += probability * twin[question.query]
    return ones / evidence


def test_a_model_without_edges_has_no_twins() -> None:
    from nsm.data.causal.models import CausalModel

    alone = CausalModel(
        np.zeros(5, int),
        np.full(5, 0.5),
        np.full(5, 0.1),
        np.full((5, 3), -1),
        np.zeros((5, 3), bool),
        np.zeros((5, 3)),
    )
    for rung in range(3):
        assert find_twins(Scenario(alone), Worlds(alone), rung, np.random.default_rng(0)) == []
    assert as_row({1: 0}, 3).tolist() == [-1, 0, -1]
