"""Confirms answers about a Bayesian network with plain code that shares nothing with the engine that gave them.

What is asked is read from the stored graph. The probabilities come from a walk through the variables in topological
order, which carries the probability of each combination of states of those that still matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import prod
from string import ascii_letters
from typing import TYPE_CHECKING

import numpy as np

from nsm.data.causal.confirm import StoredGraph, stored_graphs
from nsm.data.causal.networks import BayesianNetwork

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["confirmed_network_share", "walk"]

CHUNK = 512  # graphs gathered at a time
MAX_COMBINATIONS = 2**19  # of states that a walk may carry


def confirmed_network_share(graphs: PackedGraphs, network: BayesianNetwork) -> float | None:
    """Share of the labels that follow from the stored graphs and the network's tables; None where all are too large.

    An answer whose walk would carry too many combinations is left out.

    Args:
        graphs: Graphs about the network.
        network: The network.
    """
    labels, names = graphs.labels, graphs.schema.labels
    agreed, followed = 0, 0
    for first in range(0, len(graphs), CHUNK):
        positions = range(first, min(first + CHUNK, len(graphs)))
        for position, graph in zip(positions, stored_graphs(graphs, positions), strict=True):
            answer = _answer(graph, network)
            followed += answer is not None
            agreed += answer == names[labels[position]]
    return agreed / followed if followed else None


def _answer(graph: StoredGraph, network: BayesianNetwork) -> str | None:
    """What the network says; None where that would take too long."""
    number = {name: v for v, name in enumerate(network.variables)}
    given: dict[str, dict[int, int]] = {"asked": {}, "observed": {}, "set to": {}}
    for kind, features in zip(graph.kinds, graph.features, strict=True):
        for feature, value in features.items():
            word, _, state = feature.rpartition(" ")
            if value and word in given:
                given[word][number[kind]] = int(state)
    fixed = {**given["observed"], **given["set to"]}
    widest = max(_widest(network, {**fixed, **given["asked"]}, given["set to"]), _widest(network, given["asked"], {}))
    if max(widest, _widest(network, fixed, given["set to"])) > MAX_COMBINATIONS:
        return None
    joint = walk(network, {**fixed, **given["asked"]}, given["set to"])
    total = walk(network, fixed, given["set to"])
    return "higher" if joint / total > walk(network, given["asked"], {}) else "lower"


def _widest(network: BayesianNetwork, values: Mapping[int, int], setting: Mapping[int, int]) -> int:
    """Most combinations that a walk carries."""
    route = _route(network, frozenset(values), frozenset(setting))
    return max((prod(network.cards[u] for u in kept) for _, kept in route), default=1)


def walk(network: BayesianNetwork, values: Mapping[int, int], setting: Mapping[int, int]) -> float:
    """P(values that are not set | do(setting)); the values include those that are set.

    Args:
        network: The network.
        values: States of some variables.
        setting: States that are set.
    """
    weights, frontier = np.ones(()), list[int]()
    for v, kept in _route(network, frozenset(values), frozenset(setting)):
        axes = (*network.parents[v], v)
        table = network.tables[v][tuple(values.get(u, slice(None)) for u in axes)]
        letter = dict(zip(dict.fromkeys((*frontier, *axes)), ascii_letters, strict=False))
        free = [u for u in axes if u not in values]
        before, own, rest = ("".join(letter[u] for u in row) for row in (frontier, free, kept))
        weights = np.einsum(f"{before},{own}->{rest}", weights, table)
        frontier = kept
    return float(weights)


@lru_cache(maxsize=256)
def _route(network: BayesianNetwork, known: frozenset[int], setting: frozenset[int]) -> list[tuple[int, list[int]]]:
    """The variables that matter, causes first, and after each one those of unknown state that a later one depends on.

    Of those that could be next, the one that leaves the fewest combinations is taken.
    """
    parents = [set[int]() if v in setting else set(row) for v, row in enumerate(network.parents)]
    wanted, waiting = set(known), sorted(known)
    while waiting:
        new = parents[waiting.pop()] - wanted
        wanted |= new
        waiting += sorted(new)
    left, route, frontier = wanted - setting, list[tuple[int, list[int]]](), list[int]()

    def after(v: int) -> list[int]:
        needed = set().union(*(parents[u] for u in left if u != v)) - known
        return [u for u in (*frontier, v) if u in needed]

    while left:
        ready = [v for v in sorted(left) if not parents[v] & left]
        sizes = {v: prod(network.cards[u] for u in after(v)) for v in ready}
        chosen = min(ready, key=lambda v: sizes[v])
        frontier = after(chosen)
        left.discard(chosen)
        route.append((chosen, frontier))
    return route
