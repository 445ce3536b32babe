"""Splits keep groups whole, hold the shares, and never let equal content cross."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsm.data.splits import assign_splits, drop_torn, find_unique, renumber
from nsm.errors import DataError

SHARES = (0.7, 0.1, 0.2)


def test_unique_keeps_the_first_of_each_content() -> None:
    content = np.array([7, 8, 7, 9, 9, 7], np.uint64)
    unique = find_unique(content, np.array([1, 0, 1, 0, 1, 1]), np.zeros(6))
    assert unique.keep.tolist() == [True, True, False, False, False, False]
    assert (unique.duplicates, unique.contradictory) == (2, 2)


def test_rank_decides_which_is_kept() -> None:
    unique = find_unique(np.array([7, 7, 7], np.uint64), np.zeros(3), np.array([3, 1, 2]))
    assert unique.keep.tolist() == [False, True, False]


def test_unique_of_nothing() -> None:
    assert find_unique(np.array([], np.uint64), np.array([]), np.array([])).keep.tolist() == []


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_pairs_stay_or_go_together(contents: list[tuple[int, int]]) -> None:
    content = np.array(contents, np.uint64).ravel()
    pair = np.repeat(np.arange(len(contents)), 2)
    unique = find_unique(content, np.zeros(len(content)), np.zeros(len(content)))
    whole = drop_torn(unique, pair)
    for number in range(len(contents)):
        before, after = unique.keep[pair == number], whole.keep[pair == number]
        assert after.tolist() == [before.all(), before.all()]
    assert whole.partners == unique.keep.sum() - whole.keep.sum()


def test_renumbering_is_by_appearance() -> None:
    new, old = renumber(np.array([5, 2, 5, 9, 2]))
    assert new.tolist() == [0, 1, 0, 2, 1]
    assert old.tolist() == [5, 2, 9]


def _split(sizes: list[int], strata: list[str], seed: int = 0) -> list[list[int]]:
    """Samples per split, for each stratum, in the order of their names."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    names = [f"problem {g}" for g in range(len(sizes))]
    split = assign_splits(group, names, strata, SHARES, seed)
    for g in range(len(sizes)):
        assert len(set(split[group == g].tolist())) == 1
    stratum = np.array(strata)[group]
    return [np.bincount(split[stratum == each], minlength=3).tolist() for each in sorted(set(strata))]


@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from("ab")), min_size=60, max_size=120),
    st.integers(0, 5),
)
@settings(max_examples=50, deadline=None)
def test_shares_hold_in_each_stratum(groups: list[tuple[int, str]], seed: int) -> None:
    sizes, strata = [size for size, _ in groups], [each for _, each in groups]
    for counts in _split(sizes, strata, seed):
        for count, share in zip(counts, SHARES, strict=True):
            assert abs(count - share * sum(counts)) <= 2 * max(sizes)


def test_strata_of_one_group_make_good_for_each_other() -> None:
    counts = np.sum(_split([2] * 100, [f"s{g}" for g in range(100)]), axis=0)
    assert np.abs(counts - 200 * np.array(SHARES)).max() <= 2


def test_a_giant_group_goes_to_train() -> None:
    for seed in range(5):
        counts = _split([60] + [1] * 40, ["a"] * 41, seed)[0]
        assert counts == [70, 10, 20]


def test_few_groups_fill_every_split() -> None:
    assert sorted(_split([1, 1, 1], ["a"] * 3)[0]) == [1, 1, 1]
    assert sum(c > 0 for c in _split([5, 5], ["a"] * 2)[0]) == 2
    assert _split([5], ["a"]) == [[5, 0, 0]]


def test_a_split_without_a_share_stays_empty() -> None:
    split = assign_splits(np.arange(50), [str(g) for g in range(50)], [""] * 50, (0.8, 0.2, 0.0), 0)
    assert np.bincount(split, minlength=3).tolist() == [40, 10, 0]


def test_the_seed_decides() -> None:
    group, names = np.arange(50), [str(g) for g in range(50)]
    first, again, other = (assign_splits(group, names, [""] * 50, SHARES, seed) for seed in (0, 0, 1))
    assert first.tolist() == again.tolist() != other.tolist()


def test_names_decide_and_not_their_order() -> None:
    group, names = np.arange(50), [str(g) for g in range(50)]
    forwards = assign_splits(group, names, [""] * 50, SHARES, 0)
    backwards = assign_splits(group, names[::-1], [""] * 50, SHARES, 0)
    assert forwards.tolist() == backwards[::-1].tolist()


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.8, 0.3, -0.1), (0.8, 0.1, 0.2)])
def test_shares_are_checked(shares: tuple[float, ...]) -> None:
    with pytest.raises(DataError, match="with the sum 1"):
        assign_splits(np.arange(3), list("abc"), [""] * 3, shares, 0)
