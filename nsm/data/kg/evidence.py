"""Evidence of a true fact: the known facts on the shortest paths from its head to its tail."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.kg.extraction import Subgraphs

__all__ = ["supporting_facts"]

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


def supporting_facts(found: Subgraphs, confidence: npt.NDArray[np.float32]) -> Mask:
    """Which facts of the subgraphs lie on a shortest path between head and tail, whatever its direction.

    Of several facts between two entities only the most confident ones count, and of several paths all.

    Args:
        found: The subgraphs.
        confidence: Of every fact of the graph.

    Shapes:
        - output: ``(K,)``, one entry per fact of ``found``.
    """
    rows = np.repeat(np.arange(len(found.fact_ptr) - 1), np.diff(found.fact_ptr))
    start = found.node_ptr[rows]
    head, tail = found.head + start, found.tail + start
    ends = found.node_ptr[:-1]
    from_head, from_tail = (_hops(len(found.node), end, head, tail) for end in (ends, ends + 1))
    length = from_head[ends + 1][rows]  # infinite where no path leads to the tail
    forwards, backwards = from_head[head] + 1 + from_tail[tail], from_head[tail] + 1 + from_tail[head]
    on_path = np.isfinite(length) & (np.minimum(forwards, backwards) == length)
    low, high = np.minimum(head, tail), np.maximum(head, tail)
    _, pair = np.unique(low * len(found.node) + high, return_inverse=True)
    strongest = np.zeros(len(pair), np.float32)
    np.maximum.at(strongest, pair, confidence[found.fact])
    return np.asarray(on_path & (confidence[found.fact] == strongest[pair]))


def _hops(num_nodes: int, start: Array, head: Array, tail: Array) -> npt.NDArray[np.float64]:
    """Hops from the start node of each subgraph to each node, infinite where there is no path."""
    hops = np.full(num_nodes, np.inf)
    hops[start] = 0
    while True:
        reached = hops.copy()
        np.minimum.at(reached, tail, hops[head] + 1)
        np.minimum.at(reached, head, hops[tail] + 1)
        if (reached == hops).all():
            return hops
        hops = reached
