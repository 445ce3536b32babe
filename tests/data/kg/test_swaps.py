"""Negatives by tail swaps, and what they promise."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from nsm.data.kg.graph import FACT_SPLITS, KnowledgeGraph
from nsm.data.kg.reading import find_files, read_graph
from nsm.data.kg.swaps import Swaps, swap_tails
from tests.data.kg.toy_facts import Triple, toy_graph, write_graph

ALL = (10**6,) * 3


def triples(graph: KnowledgeGraph, *splits: str) -> set[tuple[int, int, int]]:
    columns = [(f.head, f.relation, f.tail) for f in (graph.splits[split] for split in splits)]
    return {row for h, r, t in columns for row in zip(h.tolist(), r.tolist(), t.tolist(), strict=True)}


def pairs(swaps: Swaps) -> list[tuple[int, int, int, int, int, str]]:
    rows = zip(swaps.relation.tolist(), swaps.head.tolist(), swaps.tail.tolist(), swaps.split.tolist(), strict=True)
    return [(r, h[0], t[0], h[1], t[1], FACT_SPLITS[split]) for r, h, t, split in rows]


@pytest.mark.parametrize("seed", range(4))
def test_what_a_swap_promises(tmp_path: Path, seed: int) -> None:
    graph = toy_graph(tmp_path, seed)
    known = triples(graph, *FACT_SPLITS)
    true: list[tuple[int, int, int]] = []
    false: list[tuple[int, int, int]] = []
    for r, h1, t1, h2, t2, split in pairs(swap_tails(graph, most=ALL, seed=seed)):
        assert len({h1, t1, h2, t2}) == 4
        assert {(h1, r, t1), (h2, r, t2)} <= triples(graph, split)
        assert known.isdisjoint({(h1, r, t2), (h2, r, t1)})
        true += [(h1, r, t1), (h2, r, t2)]
        false += [(h1, r, t2), (h2, r, t1)]
    assert len(true) > 40
    assert len(set(true)) == len(true)
    assert len(set(false)) == len(false)
    for ends in ((0, 1), (1, 2)):  # of a relation, the same heads and the same tails, as often
        counts = [Counter(tuple(triple[end] for end in ends) for triple in part) for part in (true, false)]
        assert counts[0] == counts[1]


def test_a_function_of_the_seed(tmp_path: Path) -> None:
    graph = toy_graph(tmp_path)
    one, again, other = (pairs(swap_tails(graph, most=ALL, seed=seed)) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_no_more_than_asked_for(tmp_path: Path) -> None:
    graph = toy_graph(tmp_path)
    swaps = swap_tails(graph, most=(5, 0, 2), seed=0)
    assert np.bincount(swaps.split, minlength=3).tolist() == [5, 0, 2]


def small(place: Path, facts: list[Triple]) -> KnowledgeGraph:
    write_graph(place, facts)
    for split in ("train", "valid", "test"):
        text = "".join("\t".join(fact) + "\n" for fact in (facts if split == "train" else facts[:1]))
        (place / f"{split}.txt").write_text(text)
    return read_graph(find_files(place), "small")


@pytest.mark.parametrize(
    "facts",
    [
        [("a", "r", "b"), ("c", "r", "d"), ("a", "r", "d")],  # a swapped triple is known
        [("a", "r", "b"), ("c", "s", "d")],  # two relations
        [("a", "r", "b"), ("a", "r", "c")],  # one head
        [("a", "r", "b"), ("b", "r", "c")],  # b would be its own tail
        [("a", "r", "a"), ("b", "r", "c")],  # a loop
    ],
)
def test_facts_that_cannot_be_swapped(tmp_path: Path, facts: list[Triple]) -> None:
    assert not len(swap_tails(small(tmp_path, facts), most=ALL, seed=0))


def test_facts_that_can(tmp_path: Path) -> None:
    graph = small(tmp_path, [("a", "r", "b"), ("c", "r", "d")])
    swaps = swap_tails(graph, most=ALL, seed=0)
    assert len(swaps) == 1
    assert {swaps.head[0, 0], swaps.head[0, 1]} == {0, 2}
    assert len(swaps.take(np.array([0]))) == 1
