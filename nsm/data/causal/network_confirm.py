"""Confirms answers about a Bayesian network with plain code that shares nothing with the engine that gave them.

What is asked is read from the stored graph. The probabilities come from a walk through the variables in topological
order, which carries a dictionary from the states of those that still matter to their probability.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nsm.data.causal.confirm import StoredGraph, stored_graphs
from nsm.data.causal.networks import BayesianNetwork

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["confirmed_network_share", "walk"]

CHUNK = 512  # graphs gathered at a time


def confirmed_network_share(graphs: PackedGraphs, network: BayesianNetwork) -> float:
    """Share of the labels that follow from the stored graphs and the network's tables.

    Args:
        graphs: Graphs about the network.
        network: The network.
    """
    labels, names = graphs.labels, graphs.schema.labels
    agreed = 0
    for first in range(0, len(graphs), CHUNK):
        positions = range(first, min(first + CHUNK, len(graphs)))
        for position, graph in zip(positions, stored_graphs(graphs, positions), strict=True):
            agreed += _answer(graph, network) == names[labels[position]]
    return agreed / len(graphs)


def _answer(graph: StoredGraph, network: BayesianNetwork) -> str:
    number = {name: v for v, name in enumerate(network.variables)}
    given: dict[str, dict[int, int]] = {"asked": {}, "observed": {}, "set to": {}}
    for kind, features in zip(graph.kinds, graph.features, strict=True):
        for feature, value in features.items():
            word, _, state = feature.rpartition(" ")
            if value and word in given:
                given[word][number[kind]] = int(state)
    fixed = {**given["observed"], **given["set to"]}
    joint = walk(network, {**fixed, **given["asked"]}, given["set to"])
    total = walk(network, fixed, given["set to"])
    return "higher" if joint / total > walk(network, given["asked"], {}) else "lower"


def walk(network: BayesianNetwork, values: Mapping[int, int], setting: Mapping[int, int]) -> float:
    """P(values that are not set | do(setting)); the values include those that are set.

    Args:
        network: The network.
        values: States of some variables.
        setting: States that are set.
    """
    parents: list[Sequence[int]] = [() if v in setting else row for v, row in enumerate(network.parents)]
    wanted, waiting = set(values), list(values)
    while waiting:
        for parent in parents[waiting.pop()]:
            if parent not in wanted:
                wanted.add(parent)
                waiting.append(parent)
    order = [v for v in network.topological if v in wanted]
    last = {parent: v for v in order for parent in parents[v]}  # after which variable each one is done with
    alive: list[int] = []
    weights: dict[tuple[int, ...], float] = {(): 1.0}
    for v in order:
        table = network.tables[v].tolist()
        states = [values[v]] if v in values else range(network.cards[v])
        slots = [alive.index(parent) for parent in parents[v]]
        extended = [*alive, v]
        kept = [slot for slot, u in enumerate(extended) if last.get(u, v) != v]
        merged: defaultdict[tuple[int, ...], float] = defaultdict(float)
        for key, weight in weights.items():
            row = table
            for slot in slots:
                row = row[key[slot]]
            for state in states:
                probability = 1.0 if v in setting else row[state]
                if probability:
                    whole = (*key, state)
                    merged[tuple(whole[slot] for slot in kept)] += weight * probability
        alive, weights = [extended[slot] for slot in kept], merged
    return sum(weights.values())
