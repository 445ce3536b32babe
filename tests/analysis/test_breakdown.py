"""Parts of an evaluation: which samples are in them and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest

from nsm.analysis.breakdown import by_category, by_distance, by_length, describe_part
from nsm.analysis.metrics import wilson_interval

LABELS = np.array([0, 1, 0, 1, 0, 1, 0, 1])
PREDICTED = np.array([0, 1, 1, 1, 0, 0, 0, 1])


def test_a_part_is_described_by_its_members_alone() -> None:
    part = describe_part(PREDICTED, LABELS, None, np.array([0, 1, 2, 4]))
    interval = wilson_interval(3, 4)
    assert part == {
        "samples": 4, "accuracy": 0.75, "low": interval.low, "high": interval.high, "majority": 0.75,
        "ceiling": None, "attained": None,
    }  # fmt: skip


def test_families_in_order_with_their_ceilings() -> None:
    family = np.array(["b", "b", "a", "a", "b", "b", "a", "a"], dtype=object)
    ceilings = np.array([1.0, 0.8, 0.6, 0.6, 0.9, 0.9, np.nan, 0.6])
    parts = by_category(PREDICTED, LABELS, family, ceilings)
    assert list(parts) == ["a", "b"]
    assert parts["a"]["ceiling"] is None
    assert parts["b"]["ceiling"] == pytest.approx(0.9)
    assert parts["b"]["accuracy"] == 0.75
    assert parts["b"]["attained"] == pytest.approx((0.75 - 0.5) / (0.9 - 0.5))


def test_nothing_is_attained_where_the_ceiling_is_the_majority() -> None:
    part = describe_part(PREDICTED, LABELS, np.full(8, 0.5), np.arange(8))
    assert (part["majority"], part["ceiling"], part["attained"]) == (0.5, 0.5, None)


def test_lengths_by_fours() -> None:
    lengths = np.array([8, 11, 12, 12, 15, 24, 9, 8, *range(16, 24)])
    parts = by_length(np.tile(PREDICTED, 2), np.tile(LABELS, 2), lengths)
    assert {name: part["samples"] for name, part in parts.items()} == {
        "8-11": 4, "12-15": 3, "16-19": 4, "20-23": 4, "24-27": 1,
    }  # fmt: skip


def test_few_lengths_one_by_one() -> None:
    parts = by_length(PREDICTED, LABELS, np.array([10, 2, 2, 3, 3, 3, 10, 2]))
    assert {name: part["samples"] for name, part in parts.items()} == {"2": 3, "3": 3, "10": 2}
    assert parts["3"]["accuracy"] == pytest.approx(2 / 3)


def test_distances_hold_a_failure_and_its_twin() -> None:
    distances = np.array([3, 3, 4, 4, 40, 40, 0, 0])
    parts = by_distance(PREDICTED, LABELS, distances)
    assert {name: part["samples"] for name, part in parts.items()} == {"3-4": 4, "33+": 2}
    assert parts["3-4"]["accuracy"] == 0.75
    assert parts["3-4"]["majority"] == 0.5


def test_missing_distances_are_in_no_part() -> None:
    assert by_distance(PREDICTED, LABELS, np.full(8, np.nan)) == {}
