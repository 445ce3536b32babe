"""Content hashes: graphs that no model can tell apart have the same hash, whatever the order of their nodes.

The hash is the one of Weisfeiler and Lehman: in each round the colour of a node becomes a hash of its own
colour and of the multiset of (relation, direction, confidence, level, colour) around it. It covers what a
model sees, so neither names nor tie keys nor the order of nodes and triples count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["content_hashes", "hash_graphs", "mix64"]

ROUNDS = 8  # colours see this many steps far
CHUNK = 4096  # graphs hashed at a time

HashArray = npt.NDArray[np.uint64]
Array = npt.NDArray[Any]


def mix64(x: HashArray) -> HashArray:
    """The finaliser of SplitMix64, a bijection that scatters every bit; elementwise.

    Shapes:
        - **x**, output: any, uint64.
    """
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def content_hashes(arrays: Mapping[str, Array], node_ptr: Array, edge_ptr: Array) -> HashArray:
    """Hashes each graph of a packed set.

    Args:
        arrays: ``node_type``, ``role``, ``order`` ``(N,)``, ``value`` ``(N, V)``, and ``head``, ``tail`` (ids
            within the graph), ``relation``, ``confidence``, ``level`` ``(E,)``.
        node_ptr: Offsets of the graphs' nodes, ``(G + 1,)``.
        edge_ptr: Offsets of the graphs' edges, ``(G + 1,)``.

    Shapes:
        - output: ``(G,)`` uint64.
    """
    graphs = np.arange(len(node_ptr) - 1)
    node_graph = np.repeat(graphs, np.diff(node_ptr))
    start = np.repeat(node_ptr[:-1], np.diff(edge_ptr))
    head, tail = arrays["head"] + start, arrays["tail"] + start
    statement = _mix_columns(_bits(arrays[name]) for name in ("relation", "confidence", "level"))
    forwards, backwards = mix64(statement), mix64(~statement)
    colour = _node_colours(arrays)
    for _ in range(ROUNDS):
        around = np.zeros_like(colour)
        np.add.at(around, tail, mix64(colour[head] ^ forwards))
        np.add.at(around, head, mix64(colour[tail] ^ backwards))
        colour = mix64(mix64(colour) ^ around)
    total = np.zeros(len(graphs), np.uint64)
    np.add.at(total, node_graph, mix64(colour))
    return _mix_columns([total, _bits(np.diff(node_ptr)), _bits(np.diff(edge_ptr))])


def hash_graphs(graphs: PackedGraphs) -> HashArray:
    """Content hashes of the graphs of a view, in its order, ``(G,)`` uint64."""
    chunks = [graphs.content_hashes(range(i, min(i + CHUNK, len(graphs)))) for i in range(0, len(graphs), CHUNK)]
    return np.concatenate([np.empty(0, np.uint64), *chunks])


def _node_colours(arrays: Mapping[str, Array]) -> HashArray:
    columns = [arrays[name] for name in ("node_type", "role", "order")]
    return _mix_columns(_bits(column) for column in [*columns, *arrays["value"].T])


def _mix_columns(columns: Iterable[HashArray]) -> HashArray:
    """Hashes rows: an ordered combination of uint64 columns."""
    return reduce(lambda mixed, column: mix64(mix64(mixed) ^ column), columns)


def _bits(column: Array) -> HashArray:
    """Any numbers as uint64; floats by their bits, with one zero."""
    if column.dtype.kind == "f":
        return (column.astype(np.float32) + np.float32(0)).view(np.uint32).astype(np.uint64)
    return column.astype(np.int64).view(np.uint64)
