"""Twin questions about a Bayesian network: opposite answers to what can be counted alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm.data.causal.bif import read_bif
from nsm.data.causal.elimination import infer
from nsm.data.causal.network_questions import MIN_CHANGE, NetworkQuestion, find_network_twins
from nsm.data.causal.networks import BayesianNetwork
from tests.data.causal.networks_by_hand import write


@pytest.fixture
def garden(tmp_path: Path) -> BayesianNetwork:
    return read_bif(write(tmp_path))


def found(network: BayesianNetwork, num_set: int) -> list[tuple[NetworkQuestion, NetworkQuestion]]:
    rng = np.random.default_rng(0)
    return [pair for _ in range(150) for pair in find_network_twins(network, num_set, rng)]


@pytest.mark.parametrize("num_set", [0, 1, 2])
def test_twins_share_what_can_be_counted_and_have_opposite_answers(garden: BayesianNetwork, num_set: int) -> None:
    pairs = found(garden, num_set)
    assert len(pairs) > 10
    for first, second in pairs:
        assert (first.query, first.asked, first.prior) == (second.query, second.asked, second.prior)
        for part in ("observed", "intervened"):
            one, other = getattr(first, part), getattr(second, part)
            assert one.keys() == other.keys()
            assert sorted(one.values()) == sorted(other.values())
        assert len(first.intervened) == num_set
        assert {first.is_higher, second.is_higher} == {True, False}


@pytest.mark.parametrize("num_set", [0, 1, 2])
def test_probabilities_are_exact_and_clear(garden: BayesianNetwork, num_set: int) -> None:
    for question in [one for pair in found(garden, num_set)[:20] for one in pair]:
        exact = infer(garden, question.query, question.observed, question.intervened)
        assert question.probability == pytest.approx(exact[question.asked])
        assert question.prior == pytest.approx(infer(garden, question.query, {})[question.asked])
        assert abs(question.probability - question.prior) >= MIN_CHANGE - 1e-12
        assert question.is_higher == (question.probability > question.prior)


def test_too_large_tables_and_too_few_variables_have_no_twins(
    garden: BayesianNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = BayesianNetwork(
        "two", ("a", "b"), (("0", "1"),) * 2, ((), (0,)), (np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    )
    assert found(two, 0) == []
    monkeypatch.setattr("nsm.data.causal.elimination.MAX_ENTRIES", 3)
    assert found(garden, 0) == []
