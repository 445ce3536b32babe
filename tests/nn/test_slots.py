"""Slots: the three linear maps, their transposes, and how few products they need."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nsm.nn.slots import PADDING, Slots, Triples, WeightedSums, find_slots

FIRST, SECOND, RELATIONS, TRIPLES = 6, 5, 4, 40
CPU = torch.device("cpu")
NEVER = -(10**9)


@pytest.fixture(autouse=True, params=[NEVER, PADDING], ids=["as many slots as needed", "some empty slots"])
def padding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """With and without empty slots, which make the products of all relations as large."""
    monkeypatch.setattr("nsm.nn.slots.PADDING", request.param)
    number: int = request.param
    return number


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
    made, sources, destinations = all_slots()[which]
    count = int(made.ends[-1])
    torch.testing.assert_close(dense(made.gather, sources), dense(made.gather_back, count).t())
    torch.testing.assert_close(dense(made.spread, count), dense(made.spread_back, destinations).t())


@pytest.mark.parametrize("which", range(3))
def test_a_slot_belongs_to_one_relation_and_to_one_node_on_one_side(which: int, padding: int) -> None:
    made, sources, _ = all_slots()[which]
    count = int(made.ends[-1])
    assert (made.ends.diff() >= 0).all()
    reached = (dense(made.gather, sources) != 0).sum(1), (dense(made.spread, count) != 0).sum(0)
    fewer, more = torch.minimum(*reached), torch.maximum(*reached)
    assert torch.equal(fewer, (more > 0).long())
    assert (padding == NEVER) == bool(fewer.all()) == (made.width == 0)
    if made.width:
        assert made.ends.diff().unique().tolist() == [made.width]


def test_each_relation_takes_the_side_with_fewer_nodes() -> None:
    star = np.zeros(8, np.int64), np.arange(8)
    ones, relation = np.ones(8), np.zeros(8, np.int64)
    assert find_slots(star, relation, ones, ones, (1, 8, 1), "sum").count == 1
    assert find_slots(star[::-1], relation, ones, ones, (8, 1, 1), "sum").count == 1
    pairs = np.arange(8), np.arange(8)
    assert find_slots(pairs, relation, ones, ones, (8, 8, 1), "sum").count == 8


def test_none_at_all() -> None:
    made, _ = some_triples(count=0).each_way(CPU)
    assert made.ends.tolist() == [0] * RELATIONS
    assert made.spread(torch.zeros(0, 3)).tolist() == [[0.0] * 3] * SECOND


def test_relations_of_very_different_sizes_stay_as_they_are() -> None:
    many, few = 2 * PADDING + 2, 1
    relation = np.repeat([0, 1], [many, few])
    node, ones = np.arange(many + few), np.ones(many + few)
    found = find_slots((node, node), relation, ones, ones, (many + few, many + few, 2), "sum")
    assert (found.count, found.width) == (many + few, 0)
