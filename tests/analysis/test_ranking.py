"""Ranks and ranking metrics, against sorting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsm.analysis.ranking import ranking_metrics, realistic_ranks


@given(seed=st.integers(0, 10**6), levels=st.integers(1, 6))
def test_the_mean_of_best_and_worst_place(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, levels, (4, 7)).astype(np.float64)
    target, is_candidate = rng.integers(0, 7, 4), rng.random((4, 7)) < 0.7
    before = is_candidate.copy()
    ranks = realistic_ranks(scores, target, is_candidate)
    for row in range(4):
        own = scores[row, target[row]]
        others = [s for n, s in enumerate(scores[row].tolist()) if is_candidate[row, n] and n != target[row]]
        places = [n + 1 for n, s in enumerate(sorted([*others, own], reverse=True)) if s == own]
        assert ranks[row] == (places[0] + places[-1]) / 2
    assert np.array_equal(is_candidate, before)


def test_equal_scores_for_all_gain_nothing() -> None:
    everyone = np.ones((1, 101), bool)
    assert realistic_ranks(np.zeros((1, 101)), np.array([3]), everyone).tolist() == [51.0]


def test_infinite_scores_are_ranked_and_nan_is_refused() -> None:
    scores = np.array([[np.inf, 0.0, -np.inf]])
    assert realistic_ranks(scores, np.array([1]), np.ones((1, 3), bool)).tolist() == [2.0]
    with pytest.raises(ValueError, match="NaN"):
        realistic_ranks(np.array([[np.nan, 0.0]]), np.array([1]), np.ones((1, 2), bool))


def test_metrics() -> None:
    found = ranking_metrics(np.array([1.0, 2.0, 3.5, 20.0]))
    assert found["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 3.5 + 1 / 20) / 4)
    assert (found["hits_at_1"], found["hits_at_3"], found["hits_at_10"]) == (0.25, 0.5, 0.75)
    assert found["mean_rank"] == pytest.approx(6.625)
    with pytest.raises(ValueError, match="none"):
        ranking_metrics(np.empty(0))
