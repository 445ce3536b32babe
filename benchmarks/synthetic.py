"""Random graphs of the size of planning graphs, which need no building."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nsm.data.packed import PackedGraphs
from nsm.data.triples import Sample, Schema
from nsm.data.writing import write_packed

__all__ = ["DEFAULT_SIZE", "REFERENCE_SIZE", "GraphSize", "synthetic_set"]


@dataclass(frozen=True)
class GraphSize:
    """How large random graphs are on average."""

    nodes: int
    edges: int
    relations: int


DEFAULT_SIZE = GraphSize(nodes=43, edges=155, relations=10)
REFERENCE_SIZE = GraphSize(nodes=33, edges=63, relations=17)


def _graphs(number: int, size: GraphSize) -> Iterator[Sample]:
    """Graphs of 70 to 130 % of the nodes, with as many edges per node."""
    rng = np.random.default_rng(0)
    for i in range(number):
        n = int(rng.integers(round(0.7 * size.nodes), round(1.3 * size.nodes) + 1))
        e = round(size.edges * n / size.nodes)
        yield Sample(
            node_type=rng.integers(0, 3, n),
            role=rng.integers(0, 3, n),
            order=rng.integers(-1, 24, n),
            value=np.zeros((n, 0), np.float32),
            head=rng.integers(0, n, e),
            relation=rng.integers(0, size.relations, e),
            tail=rng.integers(0, n, e),
            label=i % 2,
            group=str(i),
        )


def synthetic_set(folder: Path, number: int, size: GraphSize = DEFAULT_SIZE) -> PackedGraphs:
    """Random graphs, written and opened as any data set."""
    words = [tuple(f"{kind}{i}" for i in range(count)) for kind, count in (("type", 3), ("relation", size.relations))]
    schema = Schema("synthetic", words[0], ("none", "initial", "goal"), words[1], ("no", "yes"), ())
    write_packed(folder, schema, _graphs(number, size))
    return PackedGraphs.open(folder)
