"""The facts on the shortest paths, against all paths of a small graph."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nsm.data.kg.evidence import supporting_facts
from nsm.data.kg.extraction import Neighbourhood, Queries, Subgraphs, extract
from tests.data.kg.toy_facts import random_facts


def shortest_paths(edges: set[tuple[int, int]], start: int, end: int) -> set[tuple[int, int]]:
    """Undirected edges on the shortest paths, by trying all simple paths of growing length."""
    paths = [[start]]
    while paths:
        arrived = [path for path in paths if path[-1] == end]
        if arrived:
            return {tuple(sorted(step)) for path in arrived for step in pairwise(path)}  # type: ignore[misc]
        grown = []
        for path in paths:
            for a, b in edges:
                for here, there in ((a, b), (b, a)):
                    if here == path[-1] and there not in path:
                        grown.append([*path, there])
        paths = grown
    return set()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 40))
def test_agrees_with_all_paths(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    facts = random_facts(rng, 8, 2, count)
    four = np.stack([rng.permutation(8)[:4] for _ in range(4)])
    around = Neighbourhood(facts, 8)
    queries = Queries(four[:, 0], np.zeros(4, np.int64), four[:, 1], four, np.arange(4))
    found = extract(around, queries, hops=3, max_nodes=8)
    support = supporting_facts(found, around.facts.confidence)
    for row in range(4):
        part = slice(found.fact_ptr[row], found.fact_ptr[row + 1])
        ends = list(zip(found.head[part].tolist(), found.tail[part].tolist(), strict=True))
        on_path = shortest_paths({(min(p), max(p)) for p in ends if p[0] != p[1]}, 0, 1)
        confidence = around.facts.confidence[found.fact[part]]
        best: dict[tuple[int, int], float] = {}
        for (a, b), c in zip(ends, confidence.tolist(), strict=True):
            key = (min(a, b), max(a, b))
            best[key] = max(best.get(key, 0.0), c)
        expected = [
            (min(p), max(p)) in on_path and c == best[min(p), max(p)]
            for p, c in zip(ends, confidence.tolist(), strict=True)
        ]
        assert support[part].tolist() == expected


def test_nothing_supports_what_no_path_connects() -> None:
    empty = np.empty(0, np.int64)
    pair = np.array([0, 1])
    none = Subgraphs(
        pair, np.zeros((2, 2), np.int64), np.array([0, 2]), empty, empty, empty, np.zeros(2, np.int64), pair[:1]
    )
    assert not supporting_facts(none, np.empty(0, np.float32)).any()
