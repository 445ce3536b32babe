"""Confirms labels twice, with code that shares nothing with the executor that gave them.

One witness reads the plan as PDDL (`nsm.data.planning.checking`). The other reads nothing but the stored graph, and so
shows that the label follows from what a model sees.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nsm.data.planning.checking import check_plan
from nsm.data.planning.strips import Atom, Domain

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

CHUNK = 512  # graphs gathered at a time


def confirmed_share(graphs: PackedGraphs, domains: Mapping[str, Domain]) -> float:
    """Share of the labels that both witnesses give.

    Args:
        graphs: Planning graphs, with the plans in their sources.
        domains: The planning domain of each family.
    """
    valid = graphs.schema.labels.index("valid")
    agreed = 0
    families, sources, labels = graphs.table["family"].to_pylist(), graphs.sources(), graphs.labels
    for first in range(0, len(graphs), CHUNK):
        positions = range(first, min(first + CHUNK, len(graphs)))
        for position, seen in zip(positions, replay_graphs(graphs, positions), strict=True):
            read = follow_source(json.loads(sources[position]), domains[families[position]])
            agreed += (labels[position] == valid) == seen == read
    return agreed / len(graphs)


def follow_source(story: Mapping[str, Any], domain: Domain) -> bool:
    """Whether the plan of a sample's source works, by the lifted checker."""
    init, goal, goal_not = (
        [Atom(predicate, tuple(args)) for predicate, *args in story[part]] for part in ("init", "goal", "goal_not")
    )
    steps = [(name, args) for name, *args in story["plan"]]
    return bool(check_plan(domain, story["objects"], init, goal, steps, goal_not))


def replay_graphs(graphs: PackedGraphs, positions: Sequence[int]) -> list[bool]:
    """Whether the plan drawn in each graph works, from its triples alone; ``(len(positions),)``."""
    batch = graphs.batch(positions)
    head, tail = batch.edge_index.numpy()
    names = np.array(graphs.schema.relations)[batch.edge_type.numpy()]
    bounds = np.searchsorted(batch.batch.numpy()[head], np.arange(batch.num_graphs + 1))
    return [
        replay(zip(head[a:b].tolist(), names[a:b].tolist(), tail[a:b].tolist(), strict=True))
        for a, b in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    ]


def replay(triples: Iterable[tuple[int, str, int]]) -> bool:
    """Executes a plan that is given as triples of node numbers and relation names.

    Example:
        >>> plan = [(0, "next", 1), (1, "next", 2), (0, "initial", 3), (1, "consumes", 3), (1, "adds", 4)]
        >>> replay([*plan, (2, "goal", 4)]), replay([*plan, (2, "goal", 3)])
        (True, False)
    """
    linked: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
    follow: dict[int, int] = {}
    for head, relation, tail in triples:
        linked[relation, head].add(tail)
        if relation == "next":
            follow[head] = tail
    (node,) = follow.keys() - follow.values()
    state = linked["initial", node]
    node = follow[node]
    while node in follow:
        if not linked["needs", node] | linked["consumes", node] <= state or linked["needs_not", node] & state:
            return False
        state = state - linked["deletes", node] - linked["consumes", node] | linked["adds", node]
        node = follow[node]
    return linked["goal", node] <= state and not linked["goal_not", node] & state
