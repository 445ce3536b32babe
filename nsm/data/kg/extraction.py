"""Enclosing subgraphs: what lies within k hops of both ends of a query, else of one, for many queries at once.

Distances ignore the direction of facts. They are those of a graph without the hidden facts, along paths that do not
run through the query's other end (double-radius labelling). A node with more than `MAX_EXPANDED` neighbours passes on
only so many of them, drawn once for the whole graph: distances through hubs of large graphs are therefore upper bounds.

References:
    Zhang and Chen, Link Prediction Based on Graph Neural Networks, NeurIPS 2018; Teru et al., Inductive Relation
    Prediction by Subgraph Reasoning, ICML 2020.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.hashing import mix64
from nsm.data.kg.graph import Facts, Ints
from nsm.data.packing import gather_ranges, offsets

__all__ = ["Neighbourhood", "Queries", "Subgraphs", "extract"]

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

MAX_EXPANDED = 256
CHUNK_CELLS = 2**23  # queries x entities held in memory at a time
CHUNK_QUERIES = 128


@dataclass(frozen=True, eq=False)
class Queries:
    """Pairs of entities to look around.

    Args:
        head, tail: Ends of each query, ``(Q,)``.
        relation: The relation that is asked for, ``(Q,)``.
        hidden: Facts that connect two of these entities, in either direction, are left out, ``(Q, H)``.
        draw: What decides, with the seed, which nodes are kept where there are too many, ``(Q,)``.
    """

    head: Ints
    relation: Ints
    tail: Ints
    hidden: Ints
    draw: Ints

    def __len__(self) -> int:
        return len(self.head)

    def take(self, rows: slice) -> Queries:
        """Some of the queries."""
        return Queries(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class Subgraphs:
    """Nodes and facts of one subgraph after the other; the first two nodes of each are its head and its tail.

    Shapes:
        - **node**: ``(M,)`` entities; **distance**: ``(M, 2)`` hops from head and tail, at most the ``hops`` that were
          asked for; **node_ptr**: ``(Q + 1,)``.
        - **fact**: ``(K,)`` positions in the facts of the graph; **head**, **tail**: ``(K,)`` local node ids;
          **fact_ptr**: ``(Q + 1,)``.
        - **common**: ``(Q,)`` number of entities next to both head and tail, those that were not kept included.
    """

    node: Ints
    distance: Ints
    node_ptr: Ints
    fact: Ints
    head: Ints
    tail: Ints
    fact_ptr: Ints
    common: Ints


class Neighbourhood:
    """The facts of a graph, arranged for looking around.

    Args:
        facts: The facts that make up the graph.
        num_entities: Number of entities N.

    Attributes:
        facts: The facts, sorted by (head, tail, relation).
    """

    def __init__(self, facts: Facts, num_entities: int) -> None:
        self.num_entities = num_entities
        self.facts = facts.take(np.lexsort((facts.relation, facts.tail, facts.head)))
        key = self.facts.head * num_entities + self.facts.tail
        self._pair, first = np.unique(key, return_index=True)
        self._pair_ptr = np.append(first, len(key)).astype(np.int64)
        head, tail = self._pair // num_entities, self._pair % num_entities
        both = np.unique(np.concatenate([head * num_entities + tail, tail * num_entities + head]))
        source, target = both // num_entities, both % num_entities
        shuffled = np.lexsort((mix64(both.astype(np.uint64)), source))
        self._neighbour = target[shuffled]
        self._ptr = offsets(np.bincount(source, minlength=num_entities))

    def neighbours(self, node: Ints) -> tuple[Ints, Ints]:
        """The neighbours of each node, one after the other, and how many each has: at most `MAX_EXPANDED`."""
        counts = np.minimum(self._ptr[node + 1] - self._ptr[node], MAX_EXPANDED)
        return self._neighbour[gather_ranges(self._ptr[node], counts)], counts

    def between(self, head: Ints, tail: Ints) -> tuple[Ints, Ints]:
        """The facts from each head to its tail: their positions, one pair after the other, and how many each has."""
        if not len(self._pair):
            return np.empty(0, np.int64), np.zeros(len(head), np.int64)
        key = head * self.num_entities + tail
        place = np.minimum(np.searchsorted(self._pair, key), len(self._pair) - 1)
        start = self._pair_ptr[place]
        counts = np.where(self._pair[place] == key, self._pair_ptr[place + 1] - start, 0)
        return gather_ranges(start, counts), counts


def extract(graph: Neighbourhood, queries: Queries, *, hops: int, max_nodes: int, seed: int = 0) -> Subgraphs:
    """The enclosing subgraph of each query.

    It holds head and tail, and of the entities within ``hops`` of both those with the smallest sum of distances;
    among equals, first those that a fact of the asked relation connects with head or tail, then by a random number
    that depends on (seed, draw, entity) only. Places that are left over go to entities within ``hops`` of one end
    alone, by the same rule, and their distance from the other end is given as ``hops``: what stands around two
    entities that nothing connects is all that is known about them. It holds all facts between these nodes that are
    not hidden.

    Args:
        graph: Where to look.
        queries: What to look around.
        hops: Largest distance from head and from tail.
        max_nodes: Most nodes of a subgraph, at least 2.
        seed: Another seed draws other nodes.
    """
    size = max(1, min(CHUNK_QUERIES, CHUNK_CELLS // graph.num_entities))
    chunks = [queries.take(slice(first, first + size)) for first in range(0, len(queries), size)]
    parts = [_extract_chunk(graph, chunk, hops, max_nodes, seed) for chunk in chunks]
    joined: dict[str, Ints] = {}
    for name in ("node", "distance", "fact", "head", "tail", "common"):
        joined[name] = np.concatenate([getattr(part, name) for part in parts])
    for name in ("node_ptr", "fact_ptr"):
        joined[name] = offsets(np.concatenate([np.diff(getattr(part, name)) for part in parts]))
    return Subgraphs(**joined)


def _extract_chunk(graph: Neighbourhood, queries: Queries, hops: int, max_nodes: int, seed: int) -> Subgraphs:
    is_hidden = np.zeros((len(queries), graph.num_entities), bool)
    np.put_along_axis(is_hidden, queries.hidden, True, axis=1)
    to_head = _distances(graph, queries.head, queries.tail, is_hidden, hops)
    to_tail = _distances(graph, queries.tail, queries.head, is_hidden, hops)
    query, node, counts = _choose(graph, queries, to_head, to_tail, hops, max_nodes, seed)
    distance = np.stack([to_head[query, node], to_tail[query, node]], axis=1).astype(np.int64).clip(max=hops)
    common = ((to_head == 1) & (to_tail == 1)).sum(axis=1)
    fact, head, tail, fact_ptr = _facts(graph, query, node, counts, is_hidden)
    return Subgraphs(node, distance, offsets(counts), fact, head, tail, fact_ptr, common)


def _distances(graph: Neighbourhood, start: Ints, blocked: Ints, is_hidden: Mask, hops: int) -> Array:
    """Hops from ``start``, ``hops + 1`` where it is further: ``(Q, N)`` uint8."""
    rows = np.arange(len(start))
    distance = np.full(is_hidden.shape, hops + 1, np.uint8)
    distance[rows, start] = 0
    query, node = rows, start
    for depth in range(1, hops + 1):
        neighbour, counts = graph.neighbours(node)
        row, source = np.repeat(query, counts), np.repeat(node, counts)
        is_new = distance[row, neighbour] > depth
        is_new &= ~(is_hidden[row, source] & is_hidden[row, neighbour])
        distance[row[is_new], neighbour[is_new]] = depth
        query, node = np.nonzero(distance == depth)
        is_free = node != blocked[query]
        query, node = query[is_free], node[is_free]
    return distance


def _choose(
    graph: Neighbourhood, queries: Queries, to_head: Array, to_tail: Array, hops: int, max_nodes: int, seed: int
) -> tuple[Ints, Ints, Ints]:
    """The nodes of each subgraph: query and entity of each, head and tail first, and how many each query has."""
    rows = np.arange(len(queries))
    is_between = (to_head <= hops) & (to_tail <= hops)
    is_between[rows, queries.head] = is_between[rows, queries.tail] = False
    has_places = is_between.sum(axis=1, keepdims=True) < max_nodes - 2
    is_inside = is_between | (has_places & ((to_head <= hops) | (to_tail <= hops)))
    is_inside[rows, queries.head] = is_inside[rows, queries.tail] = False
    query, node = np.nonzero(is_inside)
    nearness = to_head[query, node].astype(np.int64) + to_tail[query, node]
    is_related = _is_related(graph, queries, query, node)
    drawn = mix64(mix64(queries.draw[query].astype(np.uint64) ^ np.uint64(seed)) ^ node.astype(np.uint64))
    order = np.lexsort((drawn, ~is_related, nearness, ~is_between[query, node], query))
    query, node = query[order], node[order]
    place = np.arange(len(query)) - offsets(np.bincount(query, minlength=len(rows)))[query]
    kept = place < max_nodes - 2
    query, node = np.concatenate([rows, rows, query[kept]]), np.concatenate([queries.head, queries.tail, node[kept]])
    order = np.argsort(query, kind="stable")
    return query[order], node[order], np.bincount(query, minlength=len(rows))


def _is_related(graph: Neighbourhood, queries: Queries, query: Ints, node: Ints) -> Mask:
    """Whether a fact (head, asked relation, node) or (node, asked relation, tail) is in the graph."""
    found = np.zeros(len(query), bool)
    for head, tail in ((queries.head[query], node), (node, queries.tail[query])):
        fact, counts = graph.between(head, tail)
        row = np.repeat(np.arange(len(query)), counts)
        found[row[graph.facts.relation[fact] == queries.relation[query[row]]]] = True
    return found


def _facts(
    graph: Neighbourhood, query: Ints, node: Ints, counts: Ints, is_hidden: Mask
) -> tuple[Ints, Ints, Ints, Ints]:
    """The facts between the nodes of each subgraph: positions, local heads, local tails, offsets."""
    first = offsets(counts)[:-1]
    partners = counts[query]  # every node of a query is tried with every node
    head = np.repeat(np.arange(len(node)), partners)
    tail = gather_ranges(first[query], partners)
    row = query[head]
    fact, found = graph.between(node[head], node[tail])
    head, tail, row = np.repeat(head, found), np.repeat(tail, found), np.repeat(row, found)
    shown = ~(is_hidden[row, node[head]] & is_hidden[row, node[tail]])
    fact, head, tail, row = fact[shown], head[shown], tail[shown], row[shown]
    ptr = offsets(np.bincount(row, minlength=len(counts)))
    return fact, head - first[row], tail - first[row], ptr
