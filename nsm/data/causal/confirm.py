"""Confirms labels with plain code that reads the stored graph and follows the noise that was drawn through it.

Nothing here is shared with the engine that made the labels: a graph's triples and node features alone say what causes
what and how, what is observed, and what is set. The noise is in the sample's source, which no model sees.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["StoredGraph", "confirmed_share", "replay", "stored_graphs"]

CHUNK = 512  # graphs gathered at a time


@dataclass(frozen=True)
class StoredGraph:
    """One graph as it is stored, in words.

    Args:
        kinds: Type of each node.
        roles: Role of each node.
        features: The numeric features of each node, by name.
        triples: Cause, relation, effect and strength.
    """

    kinds: list[str]
    roles: list[str]
    features: list[dict[str, float]]
    triples: list[tuple[int, str, int, float]]


@dataclass
class _Variable:
    """What a graph says of one variable, with its noise."""

    kind: str
    threshold: float
    leaks: bool
    flips: bool
    causes: list[tuple[int | None, str, float, bool]] = field(default_factory=list)

    def value(self, causes: Sequence[int]) -> int:
        """Its value, given those of its causes."""
        fires, blocked, total = self.leaks, False, 0.0
        for (_, relation, strength, transmits), value in zip(self.causes, causes, strict=True):
            promotes = relation == "promotes"
            total += strength * value if promotes else -strength * value
            if not transmits:
                continue
            if self.kind == "noisy_or":
                fires = fires or value == (1 if promotes else 0)
            elif promotes:
                fires = fires or value == 1
            else:
                blocked = blocked or value == 1
        one = total >= self.threshold if self.kind == "noisy_threshold" else fires and not blocked
        return int(one != self.flips)


def confirmed_share(graphs: PackedGraphs) -> float:
    """Share of the labels that follow from the stored graphs and the noise.

    Args:
        graphs: Causal graphs, with the noise in their sources.
    """
    labels, names, sources = graphs.labels, graphs.schema.labels, graphs.sources()
    agreed = 0
    for first in range(0, len(graphs), CHUNK):
        positions = range(first, min(first + CHUNK, len(graphs)))
        for position, graph in zip(positions, stored_graphs(graphs, positions), strict=True):
            agreed += replay(graph, json.loads(sources[position])) == names[labels[position]]
    return agreed / len(graphs)


def stored_graphs(graphs: PackedGraphs, positions: Sequence[int]) -> list[StoredGraph]:
    """Some graphs in words, ``len(positions)``."""
    batch, schema = graphs.batch(positions), graphs.schema
    values = batch.x[:, batch.x.shape[1] - len(schema.values) :].tolist()
    start = batch.ptr.tolist()
    head, tail = batch.edge_index.tolist()
    bounds = np.searchsorted(batch.batch.numpy()[head], np.arange(batch.num_graphs + 1)).tolist()
    kinds = [schema.node_types[kind] for kind in batch.node_type.tolist()]
    roles = [schema.roles[role] for role in batch.role.tolist()]
    relations = [schema.relations[relation] for relation in batch.edge_type.tolist()]
    strengths = batch.edge_weight.tolist()
    return [
        StoredGraph(
            kinds[a:b],
            roles[a:b],
            [dict(zip(schema.values, row, strict=True)) for row in values[a:b]],
            [(head[i] - a, relations[i], tail[i] - a, strengths[i]) for i in range(first, last)],
        )
        for a, b, first, last in zip(start[:-1], start[1:], bounds[:-1], bounds[1:], strict=True)
    ]


def replay(graph: StoredGraph, noise: Mapping[str, Any]) -> str | None:
    """The answer that the noise gives; None where it does not give what the graph says was observed."""
    variables = _read(graph, noise)
    hidden = noise.get("undrawn", {}).get("value", 0)
    fixed, seen = (
        {v: value for v, row in enumerate(graph.features) for value in (0, 1) if row[f"{word} {value}"]}
        for word in ("set to", "observed")
    )
    is_counterfactual = graph.features[0]["counterfactual"] == 1
    world = _follow(variables, {} if is_counterfactual else fixed, hidden)
    if any(world[v] != value for v, value in seen.items()):
        return None
    if is_counterfactual:
        world = _follow(variables, fixed, hidden)
    return str(world[graph.roles.index("query")])


def _read(graph: StoredGraph, noise: Mapping[str, Any]) -> list[_Variable]:
    variables = [
        _Variable(kind, row["threshold"], bool(leaks), bool(flips))
        for kind, row, leaks, flips in zip(graph.kinds, graph.features, noise["leaks"], noise["flips"], strict=True)
    ]
    transmits = {(head, tail) for head, tail in noise["transmits"]}
    for head, relation, tail, strength in graph.triples:
        variables[tail].causes.append((head, relation, strength, (head, tail) in transmits))
    for effect in noise.get("undrawn", {}).get("effects", []):
        cause = (None, effect["relation"], effect["strength"], bool(effect["transmits"]))
        variables[effect["node"]].causes.append(cause)
    return variables


def _follow(variables: Sequence[_Variable], fixed: Mapping[int, int], hidden: int) -> list[int]:
    """The value of every variable; causes may come in any order."""
    values: dict[int | None, int] = {None: hidden}
    values.update(fixed.items())

    def find(v: int | None) -> int:
        if v is not None and v not in values:
            one = variables[v]
            values[v] = one.value([find(cause) for cause, *_ in one.causes])
        return values[v]

    return [find(v) for v in range(len(variables))]
