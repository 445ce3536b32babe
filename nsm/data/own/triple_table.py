"""The table of triples as ids, and what other tables say about its graphs and nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.own.columns import Words, first_rows, read_numbers, read_words
from nsm.data.own.files import TableFile

__all__ = ["TripleTable", "read_triples"]

Array = npt.NDArray[Any]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TripleTable:
    """A row per triple; a node is an entity in a graph, so equal names in two graphs are two nodes.

    Args:
        file: The table.
        graphs: Names of the graphs, sorted.
        entities: All names of nodes, sorted.
        relations: Names of the relations, sorted.
        graph: Graph of each row, ``(R,)``.
        relation: Relation of each row, ``(R,)``.
        key: The nodes of all graphs as ``graph * len(entities) + entity``, sorted, ``(N,)``.
        ends: Head and tail of each row as positions in ``key``, ``(2, R)``.
    """

    file: TableFile
    graphs: list[str]
    entities: list[str]
    relations: list[str]
    graph: Index
    relation: Index
    key: Index
    ends: Index

    def first_rows(self) -> Index:
        """The first row of each graph, ``(G,)``."""
        return first_rows(self.graph, len(self.graphs))

    def node_ptr(self) -> Index:
        """Offsets of the graphs' nodes, ``(G + 1,)``."""
        bounds = np.arange(len(self.graphs) + 1, dtype=np.int64) * len(self.entities)
        return np.searchsorted(self.key, bounds).astype(np.int64)

    def node_names(self) -> list[str]:
        """The name of each node, ``(N,)``."""
        return [self.entities[entity] for entity in (self.key % len(self.entities)).tolist()]

    def optional_numbers(self, column: str, low: int, high: int, *, is_whole: bool = False) -> Array:
        """A column of numbers, ``(R,)``; all 1 where the table has none."""
        if column not in self.file.columns:
            return np.ones(len(self.graph))
        return read_numbers(self.file, column, low=low, high=high, default=1.0, is_whole=is_whole)

    def find_graphs(self, file: TableFile) -> Index:
        """The graph of each row of another table.

        Raises:
            DataError: If no triple belongs to a graph that the table names.
        """
        graph, unknown = _find(read_words(file, "graph"), self.graphs)
        if unknown is not None:
            row, name = unknown
            hint = "remove the row, or correct the name of the graph"
            file.fail(row, f"unknown graph {name!r}: no triple in {self.file.path.name} belongs to it", hint)
        return graph

    def find_nodes(self, file: TableFile, graph: Index) -> Index:
        """The node of each row of another table, as a position in ``key``.

        Raises:
            DataError: If no triple of the graph has a node that the table names.
        """
        named = read_words(file, "node")
        entity, _ = _find(named, self.entities)
        wanted = graph * len(self.entities) + entity
        node = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
        is_unknown = (entity < 0) | (self.key[node] != wanted)
        if is_unknown.any():
            row = int(is_unknown.argmax())
            name, of = named.words[named.codes[0][row]], self.graphs[graph[row]]
            hint = "remove the row, or correct the name of the node"
            file.fail(row, f"unknown node {name!r}: no triple of the graph {of!r} has it as head or tail", hint)
        return node


def read_triples(file: TableFile) -> TripleTable:
    """Reads graphs, nodes and relations.

    Raises:
        DataError: If a cell is empty, with its line.
    """
    graph, entity = read_words(file, "graph"), read_words(file, "head", "tail")
    relation = read_words(file, "relation")
    keys = graph.codes * len(entity.words) + entity.codes
    key, ends = np.unique(keys, return_inverse=True)
    return TripleTable(
        file=file,
        graphs=graph.words,
        entities=entity.words,
        relations=relation.words,
        graph=graph.codes[0],
        relation=relation.codes[0],
        key=key,
        ends=ends.reshape(keys.shape).astype(np.int64),
    )


def _find(named: Words, known: list[str]) -> tuple[Index, tuple[int, str] | None]:
    """The place of each row's name among the known ones, -1 where it is none; and the first unknown one."""
    places = {name: number for number, name in enumerate(known)}
    found = np.array([places.get(name, -1) for name in named.words], np.int64)[named.codes[0]]
    if (found >= 0).all():
        return found, None
    row = int((found < 0).argmax())
    return found, (row, named.words[named.codes[0][row]])
