"""Gathers graphs from a folder into batches, by a few operations for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from nsm.data.batch import GraphBatch
from nsm.data.folder import TIE_BITS
from nsm.data.packing import gather_ranges, offsets

if TYPE_CHECKING:
    from nsm.data.folder import PackedFolder

__all__ = ["gather_batches", "rows_of"]

Array = npt.NDArray[Any]
Index = npt.NDArray[np.int64]


def rows_of(ptr: Array, index: Index) -> tuple[Index, Index]:
    """The rows of some graphs, one after the other, and how many each has."""
    starts = ptr.take(index)
    counts = ptr.take(index + 1) - starts
    return gather_ranges(starts, counts), counts


def gather_batches(stored: PackedFolder, index: Index, sizes: Sequence[int]) -> list[GraphBatch]:
    """Batches of these graphs, whose columns are pieces of common ones.

    Args:
        stored: Where the graphs are.
        index: Graph ids of all batches, one batch after the other.
        sizes: Number of graphs of each batch.

    Raises:
        ValueError: If a batch has more nodes than an edge has bits for, which are 16 million and more.
    """
    arrays = stored.arrays
    node, num_nodes = rows_of(arrays["node_ptr"], index)
    edge, num_edges = rows_of(arrays["edge_ptr"], index)
    first = offsets(np.array(sizes))  # graph of each batch
    ptr, edge_ptr, number = offsets(num_nodes), offsets(num_edges), np.arange(len(index))
    if (most := int(np.diff(ptr[first]).max(initial=0))) > (room := 1 << stored.edge_rows.bits):
        raise ValueError(f"expected at most {room:,} nodes in a batch, got {most:,}: put fewer graphs in it")
    start = ptr[:-1] - ptr[first[:-1]].repeat(sizes)
    nodes = stored.node_rows.packed.take(node)
    of_nodes = {
        "feature_row": nodes >> TIE_BITS,
        "tie_key": nodes & ((1 << TIE_BITS) - 1),
        "batch": (number - first[:-1].repeat(sizes)).repeat(num_nodes),
    }
    if stored.schema.values:
        of_nodes["value"] = arrays["value"].take(node, axis=0)
    of_edges = _edges(stored, edge, start, num_edges)
    of_graphs = {"y": arrays["label"].take(index).astype(np.int64), "index": index}
    counts = [[b - a for a, b in pairwise(bounds[first].tolist())] for bounds in (ptr, edge_ptr)]
    columns = {
        name: torch.from_numpy(column).split_with_sizes(count, dim=int(name == "edge_index"))
        for group, count in zip((of_nodes, of_edges, of_graphs), (*counts, sizes), strict=True)
        for name, column in group.items()
    }
    columns["ptr"] = tuple(torch.from_numpy(ptr[a : b + 1] - ptr[a]) for a, b in pairwise(first))
    of_all: dict[str, Any] = {
        "features": stored.node_rows.features,
        "feature_kinds": stored.node_rows.kinds,
        "folder": stored,
    }
    return [
        GraphBatch(**dict(zip(columns, one, strict=True)), num_graphs=size, **of_all)
        for size, *one in zip(sizes, *columns.values(), strict=True)
    ]


def _edges(stored: PackedFolder, edge: Index, start: Index, counts: Index) -> dict[str, Array]:
    """The columns of some edges of graphs whose nodes start at these numbers and which have so many edges."""
    packed, bits = stored.edge_rows
    rows = packed.take(edge)
    rows += (start * (1 + (1 << bits))).repeat(counts)  # heads and tails at once
    edge_index, mask = np.empty((2, len(edge)), np.int64), (1 << bits) - 1
    np.bitwise_and(rows, mask, out=edge_index[0])
    rows >>= bits
    np.bitwise_and(rows, mask, out=edge_index[1])
    rows >>= bits
    is_certain = stored.is_certain
    return {
        "edge_index": edge_index,
        "edge_type": rows,
        "edge_weight": np.ones(len(edge), np.float32) if is_certain else stored.arrays["confidence"].take(edge),
    }
