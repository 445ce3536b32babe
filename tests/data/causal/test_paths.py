"""Open paths: chains, forks and colliders by hand, and against blocking by brute force."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from nsm.data.causal.paths import directed_edges, open_edges
from nsm.data.causal.worlds import ancestors

Edge = tuple[int, int]

CHAIN = [[], [0], [1], [2]]
FORK = [[], [0], [0]]
COLLIDER = [[], [], [0, 1], [2]]  # and an effect of the collider


def simple_paths(parents: list[list[int]], start: int, end: int) -> list[list[int]]:
    linked = {(p, v) for v, row in enumerate(parents) for p in row}
    found, waiting = [], [[start]]
    while waiting:
        path = waiting.pop()
        if path[-1] == end:
            found.append(path)
            continue
        waiting += [
            [*path, v]
            for v in range(len(parents))
            if v not in path and ((path[-1], v) in linked or (v, path[-1]) in linked)
        ]
    return found


def is_open(parents: list[list[int]], path: list[int], observed: set[int]) -> bool:
    reach = ancestors(parents, observed)
    for before, v, after in zip(path[:-2], path[1:-1], path[2:], strict=True):
        is_collider = before in parents[v] and after in parents[v]
        if (v not in reach) if is_collider else (v in observed):
            return False
    return True


def test_a_chain_is_cut_by_an_observation() -> None:
    assert open_edges(CHAIN, {0}, 3, set()) == {(0, 1), (1, 2), (2, 3)}
    assert open_edges(CHAIN, {0, 1}, 3, set()) == {(1, 2), (2, 3)}
    assert open_edges(CHAIN, {3}, 0, set()) == {(0, 1), (1, 2), (2, 3)}, "an effect speaks of its cause"


def test_a_fork_is_cut_by_an_intervention_on_its_end() -> None:
    assert open_edges(FORK, {1}, 2, set()) == {(0, 1), (0, 2)}
    assert open_edges(FORK, {1}, 2, {1}) == set()


def test_a_collider_opens_when_it_or_its_effect_is_observed() -> None:
    assert open_edges(COLLIDER, {0}, 1, set()) == set()
    assert open_edges(COLLIDER, {0, 2}, 1, set()) == {(0, 2), (1, 2)}
    assert open_edges(COLLIDER, {0, 3}, 1, set()) == {(0, 2), (1, 2), (2, 3)}


def test_directed_paths_stop_at_what_is_closed() -> None:
    diamond = [[], [0], [0], [1, 2], [3]]
    assert directed_edges(diamond, {0}, 3, set()) == {(0, 1), (0, 2), (1, 3), (2, 3)}
    assert directed_edges(diamond, {0}, 3, {1}) == {(0, 2), (2, 3)}
    assert directed_edges(diamond, {3}, 0, set()) == set()
    assert directed_edges(diamond, {0, 1}, 4, {0, 1}) == {(0, 2), (2, 3), (1, 3), (3, 4)}


@pytest.mark.parametrize("seed", range(30))
def test_every_open_simple_path_is_found_and_nothing_where_there_is_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parents = [sorted(rng.permutation(v)[: rng.integers(0, 3)].tolist()) for v in range(7)]
    query, *observed = rng.permutation(7)[:4].tolist()
    found = open_edges(parents, set(observed), query, set())
    wanted: set[Edge] = set()
    for start in observed:
        for path in simple_paths(parents, start, query):
            if is_open(parents, path, set(observed)):
                wanted |= {(u, v) if u in parents[v] else (v, u) for u, v in pairwise(path)}
    assert wanted <= found
    assert bool(wanted) == bool(found)
    assert all(u in parents[v] for u, v in found)
