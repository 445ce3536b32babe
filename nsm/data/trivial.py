"""Trivial features of graphs: what a model could count without reasoning, for the audit's probes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs
    from nsm.data.triples import Schema

__all__ = ["GROUPS", "FeatureTable", "as_arrays", "signature_features", "trivial_features"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

CHUNK = 1024  # graphs gathered at a time: bounds the memory, changes no number
DEGREE_BINS = 12
SIGNATURE_BINS = 256
MAX_TYPED_VALUES, LEVELS = 2048, 256  # columns of values by node type: with more of them there are none


@dataclass(frozen=True)
class FeatureTable:
    """Named columns, one row per graph.

    Shapes:
        - **values**: ``(G, F)`` float32, with ``F == len(names)``.
    """

    names: tuple[str, ...]
    values: Floats

    def beside(self, other: FeatureTable) -> FeatureTable:
        """The columns of both tables."""
        return FeatureTable(self.names + other.names, np.hstack([self.values, other.values]))


@dataclass(frozen=True)
class _Arrays:
    """One batch as numpy arrays; node ids run over the whole batch."""

    schema: Schema
    num_graphs: int
    graph: Ints
    node_type: Ints
    role: Ints
    value: Floats
    head: Ints
    tail: Ints
    relation: Ints
    confidence: Floats
    level: Ints

    @property
    def edge_graph(self) -> Ints:
        return self.graph[self.head]


def trivial_features(graphs: PackedGraphs, *, keep_constant: bool = False) -> dict[str, FeatureTable]:
    """Counts every graph's nodes, edges, types, degrees and values, by group of features.

    Args:
        graphs: The graphs to describe; they are gathered in chunks by ``graphs.batch``.
        keep_constant: Whether to keep columns that are alike in all of these graphs.

    Returns:
        Tables named ``size``, ``node_types``, ``edge_types``, ``degrees``, ``values``, ``typed_edges`` (which
        relation holds between which node types) and ``typed_values`` (the mean of each value by node type).
    """
    parts: dict[str, list[dict[str, Any]]] = {name: [] for name in GROUPS}
    rows = []
    for arrays in _chunks(graphs):
        rows.append(arrays.num_graphs)
        for name, compute in GROUPS.items():
            parts[name].append(compute(arrays))
    return {name: _stack(chunks, rows, keep_constant=keep_constant) for name, chunks in parts.items()}


def signature_features(graphs: PackedGraphs, bins: int = SIGNATURE_BINS) -> FeatureTable:
    """Histogram of the node colours after one round of Weisfeiler-Lehman, the most frequent ``bins`` of them.

    A colour is the node's type and role with the multiset of (relation, direction, type of neighbour) around
    it. The vocabulary is chosen by frequency alone, so it knows nothing of the labels.

    Shapes:
        - **values** of the result: ``(G, min(bins, number of colours))``.
    """
    graph, colour, start = [], [], 0
    for arrays in _chunks(graphs):
        graph.append(arrays.graph + start)
        colour.append(_colours(arrays))
        start += arrays.num_graphs
    colours, index, count = np.unique(np.concatenate(colour), return_inverse=True, return_counts=True)
    frequent = np.sort(np.argsort(-count, kind="stable")[:bins])
    column = np.full(len(colours), -1, dtype=np.int64)
    column[frequent] = np.arange(len(frequent))
    node_column, node_graph = column[index], np.concatenate(graph)
    kept = node_column >= 0
    values = _count(node_graph[kept], start, node_column[kept], len(frequent))
    return FeatureTable(tuple(f"colour {i}" for i in range(len(frequent))), values.astype(np.float32))


def _chunks(graphs: PackedGraphs) -> Iterator[_Arrays]:
    for start in range(0, len(graphs), CHUNK):
        positions = np.arange(start, min(start + CHUNK, len(graphs)))
        yield as_arrays(graphs.batch(positions), graphs.schema)


def as_arrays(batch: Any, schema: Schema, *, has_level: bool = True) -> _Arrays:
    """A batch of ours or of PyTorch Geometric, or one graph, on any device; without levels all triples are concrete."""

    def column(name: str) -> npt.NDArray[Any]:
        return np.asarray(getattr(batch, name).detach().cpu().numpy())

    head, tail = column("edge_index").astype(np.int64)
    graph = getattr(batch, "batch", None)  # of one graph there is none
    return _Arrays(
        schema=schema,
        num_graphs=int(getattr(batch, "num_graphs", None) or 1),
        graph=np.zeros(batch.num_nodes, np.int64) if graph is None else column("batch").astype(np.int64),
        node_type=column("node_type").astype(np.int64),
        role=column("role").astype(np.int64),
        value=column("x")[:, schema.in_channels - len(schema.values) :].astype(np.float32),
        head=head,
        tail=tail,
        relation=column("edge_type").astype(np.int64),
        confidence=column("edge_weight").astype(np.float32),
        level=column("edge_level").astype(np.int64) if has_level else np.ones_like(head),
    )


def _sizes(a: _Arrays) -> dict[str, Any]:
    return {
        "nodes": np.bincount(a.graph, minlength=a.num_graphs),
        "edges": np.bincount(a.edge_graph, minlength=a.num_graphs),
    }


def _node_types(a: _Arrays) -> dict[str, Any]:
    types = _count(a.graph, a.num_graphs, a.node_type, len(a.schema.node_types))
    roles = _count(a.graph, a.num_graphs, a.role, len(a.schema.roles))
    return _named("type {}", a.schema.node_types, types) | _named("role {}", a.schema.roles, roles)


def _edge_types(a: _Arrays) -> dict[str, Any]:
    counts = _count(a.edge_graph, a.num_graphs, a.relation, len(a.schema.relations))
    above = a.level > 1
    category = a.relation[above] * LEVELS + a.level[above]
    present = np.unique(category)
    at_level = _count(a.edge_graph[above], a.num_graphs, np.searchsorted(present, category), len(present))
    names = [f"{a.schema.relations[code // LEVELS]} at level {code % LEVELS}" for code in present.tolist()]
    return _named("relation {}", a.schema.relations, counts) | _named("relation {}", names, at_level)


def _degrees(a: _Arrays) -> dict[str, Any]:
    num_nodes = len(a.graph)
    incoming = np.bincount(a.tail, minlength=num_nodes)
    outgoing = np.bincount(a.head, minlength=num_nodes)
    total = incoming + outgoing
    clipped = np.minimum(total, DEGREE_BINS - 1)
    histogram = _count(a.graph, a.num_graphs, clipped, DEGREE_BINS)
    columns = _named("nodes of degree {}", [str(i) for i in range(DEGREE_BINS)], histogram)
    for name, degree in (("in-degree", incoming), ("out-degree", outgoing), ("degree", total)):
        columns |= _summaries(a, name, degree)
    for name, end in (("in-degree", a.tail), ("out-degree", a.head)):
        columns |= _named(f"max {name} by {{}}", a.schema.relations, _relation_maximum(a, end))
    return columns


def _summaries(a: _Arrays, name: str, degree: Ints) -> dict[str, Any]:
    """Mean, maximum and standard deviation of a number per node, by graph and node type."""
    num_types = len(a.schema.node_types)
    key, size = a.graph * num_types + a.node_type, a.num_graphs * num_types
    count = np.maximum(np.bincount(key, minlength=size), 1)
    mean = np.bincount(key, degree, minlength=size) / count
    square = np.bincount(key, degree.astype(np.float64) ** 2, minlength=size) / count
    deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
    maximum = np.zeros(size)
    np.maximum.at(maximum, key, degree)
    columns: dict[str, Any] = {}
    for label, flat in (("mean", mean), ("max", maximum), ("std", deviation)):
        columns |= _named(f"{label} {name} of {{}}", a.schema.node_types, flat.reshape(-1, num_types))
    return columns


def _relation_maximum(a: _Arrays, end: Ints) -> npt.NDArray[np.float64]:
    """The most edges of one relation at one node, by graph and relation: ``(G, R)``."""
    num_relations = len(a.schema.relations)
    key, count = np.unique(end * num_relations + a.relation, return_counts=True)
    maximum = np.zeros((a.num_graphs, num_relations))
    np.maximum.at(maximum, (a.graph[key // num_relations], key % num_relations), count)
    return maximum


def _values(a: _Arrays) -> dict[str, Any]:
    columns = _moments(a.edge_graph, a.num_graphs, a.confidence, "confidence")
    columns |= _moments(a.edge_graph, a.num_graphs, a.level, "level")
    relations = a.schema.relations
    doubt = _means(a.edge_graph, a.num_graphs, a.relation, len(relations), 1 - a.confidence)
    columns |= _named("mean confidence of {}", relations, 1 - doubt)  # 1 where there is no such edge
    for index, name in enumerate(a.schema.values):
        columns |= _moments(a.graph, a.num_graphs, a.value[:, index], f"value {name}")
    return columns


def _typed_values(a: _Arrays) -> dict[str, Any]:
    """Means of each value by node type: what one feature of one kind of node says."""
    types = a.schema.node_types
    if len(types) * len(a.schema.values) > MAX_TYPED_VALUES:
        return {}
    columns: dict[str, Any] = {}
    for index, name in enumerate(a.schema.values):
        means = _means(a.graph, a.num_graphs, a.node_type, len(types), a.value[:, index])
        columns |= _named(f"mean value {name} of {{}}", types, means)
    return columns


def _means(row: Ints, num_rows: int, column: Ints, num_columns: int, values: Floats) -> npt.NDArray[np.float64]:
    """Means of numbers by row and column; 0 where there are none."""
    total = np.bincount(row * num_columns + column, values, minlength=num_rows * num_columns)
    return total.reshape(num_rows, num_columns) / np.maximum(_count(row, num_rows, column, num_columns), 1)


def _moments(graph: Ints, num_graphs: int, values: Floats | Ints, name: str) -> dict[str, Any]:
    total = np.bincount(graph, values, minlength=num_graphs)
    count = np.maximum(np.bincount(graph, minlength=num_graphs), 1)
    low, high = np.full(num_graphs, np.inf), np.full(num_graphs, -np.inf)
    np.minimum.at(low, graph, values)
    np.maximum.at(high, graph, values)
    empty = np.bincount(graph, minlength=num_graphs) == 0
    low[empty], high[empty] = 0.0, 0.0
    return {f"sum {name}": total, f"mean {name}": total / count, f"min {name}": low, f"max {name}": high}


def _typed_edges(a: _Arrays) -> dict[str, Any]:
    """Counts of (head type, relation, tail type), for those that occur."""
    types = a.schema.node_types
    category = (a.relation * len(types) + a.node_type[a.head]) * len(types) + a.node_type[a.tail]
    present = np.unique(category)
    counts = _count(a.edge_graph, a.num_graphs, np.searchsorted(present, category), len(present))
    size = len(types)
    names = [
        f"{types[code // size % size]} {a.schema.relations[code // size**2]} {types[code % size]}"
        for code in present.tolist()
    ]
    return _named("{}", names, counts)


def _colours(a: _Arrays) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each node's type, role and neighbours; a sum of hashes stands for a multiset."""
    num_types, num_relations = len(a.schema.node_types), len(a.schema.relations)
    draw = np.random.default_rng(0)
    around = draw.integers(0, 2**63, size=(2, num_relations, num_types), dtype=np.uint64)
    own = draw.integers(0, 2**63, size=(num_types, len(a.schema.roles)), dtype=np.uint64)
    colour = own[a.node_type, a.role]
    np.add.at(colour, a.tail, around[0, a.relation, a.node_type[a.head]])
    np.add.at(colour, a.head, around[1, a.relation, a.node_type[a.tail]])
    return colour


def _count(row: Ints, num_rows: int, column: Ints, num_columns: int) -> Ints:
    flat = np.bincount(row * num_columns + column, minlength=num_rows * num_columns)
    return flat.reshape(num_rows, num_columns)


def _named(pattern: str, names: tuple[str, ...] | list[str], columns: npt.NDArray[Any]) -> dict[str, Any]:
    return {pattern.format(name): columns[:, index] for index, name in enumerate(names)}


def _stack(chunks: list[dict[str, Any]], rows: list[int], *, keep_constant: bool) -> FeatureTable:
    """Puts chunks below each other: a column that a chunk lacks is zero there, a constant one is dropped or kept."""
    names = sorted({name for chunk in chunks for name in chunk})
    values = np.zeros((sum(rows), len(names)), dtype=np.float32)
    start = 0
    for chunk, count in zip(chunks, rows, strict=True):
        for column, name in enumerate(names):
            if name in chunk:
                values[start : start + count, column] = chunk[name]
        start += count
    if keep_constant:
        return FeatureTable(tuple(names), values)
    varies = (values != values[:1]).any(axis=0) if len(values) else np.zeros(len(names), dtype=bool)
    return FeatureTable(tuple(np.array(names, dtype=np.str_)[varies].tolist()), np.ascontiguousarray(values[:, varies]))


GROUPS: dict[str, Callable[[_Arrays], dict[str, Any]]] = {
    "size": _sizes,
    "node_types": _node_types,
    "edge_types": _edge_types,
    "degrees": _degrees,
    "values": _values,
    "typed_edges": _typed_edges,
    "typed_values": _typed_values,
}
"""How each group of features is counted."""
