"""Intervals cover what they should, and twins do not count twice."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from nsm.analysis.statistics import grouped_bootstrap, mcnemar, paired_difference, seeded_difference, t_interval


def test_the_interval_over_seeds_is_that_of_scipy() -> None:
    values = np.array([0.91, 0.95, 0.9, 0.97])
    low, high = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    found = t_interval(values)
    assert (found.low, found.high) == pytest.approx((low, high))
    with pytest.raises(ValueError, match="at least two"):
        t_interval(values[:1])


def test_mcnemar_is_the_exact_binomial_test() -> None:
    assert mcnemar(2, 9) == pytest.approx(2 * stats.binom.cdf(2, 11, 0.5))
    assert mcnemar(0, 0) == 1.0


def test_a_difference_counts_what_only_one_gets_right() -> None:
    first, second = np.array([1, 1, 1, 0, 1, 1]), np.array([1, 0, 0, 1, 1, 1])
    found = paired_difference(first, second, np.arange(6))
    assert (found.only_first, found.only_second, found.samples) == (2, 1, 6)
    assert found.difference == pytest.approx(1 / 6)
    assert found.low <= found.difference <= found.high
    assert found.p == 1.0


def test_copies_of_a_graph_in_its_group_do_not_narrow_the_interval() -> None:
    first, second = np.random.default_rng(0).random((2, 60)) < np.array([[0.8], [0.6]])
    once = paired_difference(first, second, np.arange(60))
    copied = paired_difference(*(np.repeat(side, 5) for side in (first, second)), np.repeat(np.arange(60), 5))
    assert (copied.low, copied.high) == (once.low, once.high)
    alone = paired_difference(*(np.repeat(side, 5) for side in (first, second)), np.arange(300))
    assert alone.high - alone.low < 0.6 * (once.high - once.low)


def test_a_bootstrap_of_any_figure_draws_whole_groups() -> None:
    groups = np.repeat(np.arange(10), 3)

    def measure(at: np.ndarray) -> float:
        counts = np.bincount(groups[at], minlength=10)
        assert (counts % 3 == 0).all()
        return float(at.mean())

    found = grouped_bootstrap(measure, groups, resamples=50)
    assert found.low < 14.5 < found.high
    assert np.isnan(grouped_bootstrap(lambda _: None, groups, resamples=5).low)


def seeds(shift: tuple[float, ...], shared: bool, count: int = 200) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(1)
    found = []
    for number, more in enumerate(shift):
        other = rng.random(count) < 0.5
        one = other | (rng.random(count) < more)
        groups = np.repeat(np.arange(count // 2), 2)
        found.append((one, other, groups if shared else np.char.add(f"{number}:", groups.astype(str))))
    return found


def test_one_seed_is_the_paired_difference() -> None:
    (pair,) = seeds((0.3,), shared=True)
    found, expected = seeded_difference([pair]), paired_difference(*pair)
    assert found.difference == pytest.approx(expected.difference)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)
    assert found.by_seed == (expected.difference,)
    assert found.samples == expected.samples


def test_seeds_that_disagree_widen_the_interval() -> None:
    alike, apart = (
        seeded_difference(seeds((0.3,) * 4, shared=False)),
        seeded_difference(seeds((0.0, 0.6, 0.0, 0.6), shared=False)),
    )
    assert apart.high - apart.low > 3 * (alike.high - alike.low)
    assert len(set(apart.by_seed)) > 1


def test_copies_of_one_training_do_not_narrow_the_interval() -> None:
    (pair,) = seeds((0.3,), shared=True)
    once, copied = seeded_difference([pair]), seeded_difference([pair] * 5)
    assert copied.samples == 5 * once.samples
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=0.01)
    apart = seeded_difference(
        [(one, other, np.char.add(f"{i}:", g.astype(str))) for i, (one, other, g) in enumerate([pair] * 5)]
    )
    assert apart.high - apart.low < 0.8 * (once.high - once.low)


def test_no_seed_no_difference() -> None:
    with pytest.raises(ValueError, match="at least one seed"):
        seeded_difference([])
