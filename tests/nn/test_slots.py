"""Slots: the three linear maps, their transposes, and how few products they need."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nsm.nn.slots import Slots, Triples, WeightedSums, find_slots

FIRST, SECOND, RELATIONS, TRIPLES = 6, 5, 4, 40
CPU = torch.device("cpu")


def some_triples(sizes: tuple[int, int, int] = (FIRST, SECOND, RELATIONS), count: int = TRIPLES) -> Triples:
    rng = np.random.default_rng(count)
    ends = rng.integers(0, sizes[0], count), rng.integers(0, sizes[1], count)
    weight, multiplicity = rng.random(count), rng.integers(1, 4, count).astype(np.float64)
    return find_slots(ends, rng.integers(0, sizes[2], count), weight, multiplicity, sizes, "sqrt")


def dense(sums: WeightedSums, columns: int) -> torch.Tensor:
    return sums(torch.eye(columns, dtype=torch.float64))


def all_slots() -> list[tuple[Slots, int, int]]:
    """Slots with the numbers of their sources and destinations."""
    there, back = some_triples().each_way(CPU)
    both = some_triples((FIRST, FIRST, RELATIONS)).both_ways(CPU)
    return [(there, FIRST, SECOND), (back, SECOND, FIRST), (both, FIRST, FIRST)]


@pytest.mark.parametrize("which", range(3))
def test_the_ways_back_are_transposes(which: int) -> None:
    slots, sources, destinations = all_slots()[which]
    count = int(slots.ends[-1])
    torch.testing.assert_close(dense(slots.gather, sources), dense(slots.gather_back, count).t())
    torch.testing.assert_close(dense(slots.spread, count), dense(slots.spread_back, destinations).t())


@pytest.mark.parametrize("which", range(3))
def test_a_slot_belongs_to_one_relation_and_to_one_node_on_one_side(which: int) -> None:
    slots, sources, _ = all_slots()[which]
    count = int(slots.ends[-1])
    assert (slots.ends.diff() >= 0).all()
    reached = (dense(slots.gather, sources) != 0).sum(1), (dense(slots.spread, count) != 0).sum(0)
    assert torch.minimum(*reached).tolist() == [1] * count


def test_each_relation_takes_the_side_with_fewer_nodes() -> None:
    star = np.zeros(8, np.int64), np.arange(8)
    ones, relation = np.ones(8), np.zeros(8, np.int64)
    assert find_slots(star, relation, ones, ones, (1, 8, 1), "sum").count == 1
    assert find_slots(star[::-1], relation, ones, ones, (8, 1, 1), "sum").count == 1
    pairs = np.arange(8), np.arange(8)
    assert find_slots(pairs, relation, ones, ones, (8, 8, 1), "sum").count == 8


def test_none_at_all() -> None:
    slots, _ = some_triples(count=0).each_way(CPU)
    assert slots.ends.tolist() == [0] * RELATIONS
    assert slots.spread(torch.zeros(0, 3)).tolist() == [[0.0] * 3] * SECOND
