"""Enclosing subgraphs against a search in plain Python."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsm.data.kg import extraction
from nsm.data.kg.extraction import Neighbourhood, Queries, Subgraphs, extract
from nsm.data.kg.graph import Facts
from tests.data.kg.toy_facts import random_facts

Fact = tuple[int, int, int]


def queries_of(rng: np.random.Generator, num_entities: int, num_relations: int, count: int) -> Queries:
    """Each with four distinct entities, of which the first two are its ends."""
    four = np.stack([rng.permutation(num_entities)[:4] for _ in range(count)])
    relation = rng.integers(0, num_relations, count)
    return Queries(four[:, 0], relation, four[:, 1], four, np.arange(count))


def shown_facts(facts: Facts, hidden: set[int]) -> set[Fact]:
    every = zip(facts.head.tolist(), facts.relation.tolist(), facts.tail.tolist(), strict=True)
    return {(h, r, t) for h, r, t in every if not (h in hidden and t in hidden)}


def hops(shown: set[Fact], start: int, blocked: int) -> dict[int, int]:
    """Breadth-first search in both directions that does not go on from ``blocked``."""
    found, waiting = {start: 0}, deque([start])
    while waiting:
        node = waiting.popleft()
        if node == blocked:
            continue
        for head, _, tail in shown:
            for here, there in ((head, tail), (tail, head)):
                if here == node and there not in found:
                    found[there] = found[node] + 1
                    waiting.append(there)
    return found


def one(found: Subgraphs, row: int) -> tuple[list[int], list[list[int]], list[Fact]]:
    nodes, facts = (slice(ptr[row], ptr[row + 1]) for ptr in (found.node_ptr, found.fact_ptr))
    entity = found.node[nodes].tolist()
    ends = zip(found.head[facts].tolist(), found.fact[facts].tolist(), found.tail[facts].tolist(), strict=True)
    return entity, found.distance[nodes].tolist(), [(entity[h], f, entity[t]) for h, f, t in ends]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    num_entities=st.integers(5, 14),
    count=st.integers(0, 60),
    depth=st.integers(1, 4),
    chunk=st.integers(1, 5),
)
def test_agrees_with_a_plain_search(seed: int, num_entities: int, count: int, depth: int, chunk: int) -> None:
    rng = np.random.default_rng(seed)
    facts, queries = random_facts(rng, num_entities, 3, count), queries_of(rng, num_entities, 3, 6)
    around = Neighbourhood(facts, num_entities)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extraction, "CHUNK_QUERIES", chunk)  # the result does not depend on it
        found = extract(around, queries, hops=depth, max_nodes=num_entities)
    for row in range(len(queries)):
        head, tail = int(queries.head[row]), int(queries.tail[row])
        shown = shown_facts(facts, set(queries.hidden[row].tolist()))
        to_head, to_tail = hops(shown, head, tail), hops(shown, tail, head)
        within = {
            node
            for node in range(num_entities)
            if node in (head, tail) or min(to_head.get(node, 99), to_tail.get(node, 99)) <= depth
        }
        entity, distance, edges = one(found, row)
        assert entity[:2] == [head, tail]
        assert len(entity) == len(set(entity))
        assert set(entity) == within
        for node, (a, b) in list(zip(entity, distance, strict=True))[2:]:
            assert (a, b) == (min(to_head.get(node, 99), depth), min(to_tail.get(node, 99), depth))
        expected = {(h, r, t) for h, r, t in shown if h in within and t in within}
        relation = around.facts.relation
        told = [(h, int(relation[f]), t) for h, f, t in edges]
        assert sorted(told) == sorted(expected)  # each once
        assert all(around.facts.head[f] == h and around.facts.tail[f] == t for h, f, t in edges)
        common = {n for n in to_head if to_head[n] == 1 and to_tail.get(n) == 1}
        assert found.common[row] == len(common - {head, tail})


def example(num_facts: int = 500, num_entities: int = 30) -> tuple[Neighbourhood, Queries]:
    rng = np.random.default_rng(0)
    facts = random_facts(rng, num_entities, 3, num_facts)
    return Neighbourhood(facts, num_entities), queries_of(rng, num_entities, 3, 20)


@pytest.mark.parametrize("num_facts", [30, 60, 500])
def test_the_cap_keeps_what_lies_between_then_the_nearest_and_those_of_the_asked_relation(num_facts: int) -> None:
    around, queries = example(num_facts)
    facts, size = around.facts, 9
    capped = extract(around, queries, hops=2, max_nodes=size)
    known = set(zip(facts.head.tolist(), facts.relation.tolist(), facts.tail.tolist(), strict=True))
    for row in range(len(queries)):
        head, asked, tail = (int(column[row]) for column in (queries.head, queries.relation, queries.tail))
        shown = shown_facts(facts, set(queries.hidden[row].tolist()))
        to_head, to_tail = hops(shown, head, tail), hops(shown, tail, head)
        key = {}
        for node in (to_head.keys() | to_tail.keys()) - {head, tail}:
            a, b = min(to_head.get(node, 3), 3), min(to_tail.get(node, 3), 3)
            if min(a, b) < 3:
                is_related = (head, asked, node) in known or (node, asked, tail) in known
                key[node] = (max(a, b) == 3, a + b, not is_related)
        kept = one(capped, row)[0][2:]
        assert len(kept) == min(size - 2, len(key))
        left = [key[node] for node in key if node not in kept]
        assert not left or max(key[node] for node in kept) <= min(left)


def test_entities_that_nothing_connects_are_told_apart_by_what_stands_around_them() -> None:
    head, relation, tail = np.array([[0, 0, 4], [1, 1, 5], [2, 0, 6]]).T
    around = Neighbourhood(Facts(head, relation, tail, np.ones(3, np.float32)), 7)
    ends = np.array([[0, 1], [0, 2], [3, 2]])
    found = extract(
        around, Queries(ends[:, 0], np.zeros(3, np.int64), ends[:, 1], ends, np.arange(3)), hops=2, max_nodes=9
    )
    assert one(found, 0)[:2] == ([0, 1, 4, 5], [[0, 2], [2, 0], [1, 2], [2, 1]])
    assert [around.facts.relation[f] for _, f, _ in one(found, 0)[2]] == [0, 1]
    assert one(found, 2)[:2] == ([3, 2, 6], [[0, 2], [2, 0], [2, 1]])


def test_the_draw_depends_on_seed_and_draw_alone() -> None:
    around, queries = example()
    first, again, other = (extract(around, queries, hops=2, max_nodes=6, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.node, again.node)
    assert not np.array_equal(first.node, other.node)
    alone = extract(around, queries.take(slice(7, 8)), hops=2, max_nodes=6, seed=1)
    assert alone.node.tolist() == one(first, 7)[0]


def test_a_hub_passes_on_a_fixed_part_of_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 50
    head = np.concatenate([np.zeros(size - 2, np.int64), [size - 1]])
    tail = np.concatenate([np.arange(1, size - 1), [1]])
    zero = np.zeros(len(head), np.int64)
    facts = Facts(head, zero, tail, np.ones(len(head), np.float32))
    monkeypatch.setattr(extraction, "MAX_EXPANDED", 10)
    around = Neighbourhood(facts, size)
    neighbour, counts = around.neighbours(np.array([0, 1]))
    assert counts.tolist() == [10, 2]
    assert set(neighbour[:10].tolist()) < set(range(1, size - 1))
    assert np.array_equal(neighbour, around.neighbours(np.array([0, 1]))[0])


def test_a_graph_without_facts() -> None:
    nothing = np.empty(0, np.int64)
    around = Neighbourhood(Facts(nothing, nothing, nothing, np.empty(0, np.float32)), 5)
    queries = queries_of(np.random.default_rng(0), 5, 1, 3)
    found = extract(around, queries, hops=3, max_nodes=5)
    assert found.node_ptr.tolist() == [0, 2, 4, 6]
    assert not len(found.fact)
    assert (found.distance[0] == [0, 3]).all()
