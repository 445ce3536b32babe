"""What is told of each node: its type and its numeric features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nsm.data.own.columns import first_rows, read_numbers, read_words
from nsm.data.own.files import TableFile
from nsm.data.own.triple_table import TripleTable

__all__ = ["NODE_COLUMNS", "NodeColumns", "read_nodes"]

NODE_COLUMNS = ("graph", "node", "type")
UNTYPED = "node"
"""The type of every node where no table tells one."""


@dataclass(frozen=True)
class NodeColumns:
    """A row per node, in the order of the triples' nodes.

    Args:
        node_type: Types, ``(N,)``.
        types: Names of the types, sorted.
        value: Numeric features, ``(N, V)``; those that leave [-1, 1] are standardised.
        values: Names of the features, in the order of the file.
        scales: Mean and standard deviation of each standardised feature.
    """

    node_type: npt.NDArray[np.int64]
    types: list[str]
    value: npt.NDArray[np.float32]
    values: list[str]
    scales: dict[str, tuple[float, float]]


def read_nodes(file: TableFile | None, table: TripleTable) -> NodeColumns:
    """Reads types and features; every column but ``graph``, ``node`` and ``type`` is a feature.

    Args:
        file: The table of nodes; without it all nodes are of one type.
        table: The triples.

    Raises:
        DataError: If a node is unknown, has two rows or none, or a feature is no number.
    """
    count = len(table.key)
    if file is None:
        return NodeColumns(np.zeros(count, np.int64), [UNTYPED], np.zeros((count, 0), np.float32), [], {})
    graph = table.find_graphs(file)
    node = table.find_nodes(file, graph)
    row = first_rows(node, count)
    is_repeated = row[node] != np.arange(len(node))
    if is_repeated.any():
        here = int(is_repeated.argmax())
        message = f"{_name(table, int(node[here]))} has a row already, in line {file.line(int(row[node[here]]))}"
        file.fail(here, message, "keep one row per node")
    if (row < 0).any():
        name = _name(table, int((row < 0).argmax()))
        file.fail(None, f"{name} has no row", "a table of nodes has a row for every head and tail")
    types, kind = [UNTYPED], np.zeros(len(node), np.int64)
    if "type" in file.columns:
        words = read_words(file, "type")
        types, kind = words.words, words.codes[0]
    values = [name for name in file.columns if name not in NODE_COLUMNS]
    value, scales = np.zeros((count, len(values)), np.float32), {}
    for place, name in enumerate(values):
        feature = read_numbers(file, name)[row]
        if np.abs(feature).max() > 1:
            scales[name] = float(feature.mean()), float(feature.std()) or 1.0
            feature = (feature - scales[name][0]) / scales[name][1]
        value[:, place] = feature
    return NodeColumns(kind[row], types, value, values, scales)


def _name(table: TripleTable, node: int) -> str:
    """What a node is called in messages."""
    graph, entity = divmod(int(table.key[node]), len(table.entities))
    return f"the node {table.entities[entity]!r} of the graph {table.graphs[graph]!r}"
