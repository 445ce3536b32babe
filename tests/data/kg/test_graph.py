"""A graph in memory knows which triples are facts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nsm.data.kg.graph import is_member
from tests.data.kg.toy_facts import toy_graph


def test_known_are_the_facts_of_all_splits_and_no_others(tmp_path: Path) -> None:
    graph = toy_graph(tmp_path)
    known = set()
    for facts in graph.splits.values():
        known |= set(zip(facts.head.tolist(), facts.relation.tolist(), facts.tail.tolist(), strict=True))
    entities, relations = np.arange(graph.num_entities), np.arange(graph.num_relations)
    every = np.array(np.meshgrid(entities, relations, entities, indexing="ij")).reshape(3, -1)
    found = graph.is_known(*every)
    assert found.tolist() == [triple in known for triple in zip(*every.tolist(), strict=True)]
    assert found.sum() == len(known) == sum(map(len, graph.splits.values()))


def test_taking_facts_keeps_their_columns_together(tmp_path: Path) -> None:
    facts = toy_graph(tmp_path).train
    taken = facts.take(np.array([3, 0]))
    assert len(taken) == 2
    assert (taken.head[0], taken.relation[0], taken.tail[0]) == (facts.head[3], facts.relation[3], facts.tail[3])


def test_nothing_is_a_member_of_nothing() -> None:
    assert is_member(np.empty(0, np.int64), np.array([1, 2])).tolist() == [False, False]
    assert is_member(np.array([2, 5]), np.array([1, 2, 5, 9])).tolist() == [False, True, True, False]
