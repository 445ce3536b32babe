"""What a data set holds, in numbers: sizes, labels, relations, node types, degrees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nsm.data.writing import SPLITS

if TYPE_CHECKING:
    from nsm.data.batch import GraphBatch
    from nsm.data.packed import PackedGraphs

__all__ = ["Description", "describe", "mean_known_ceiling"]

Ints = npt.NDArray[np.int64]

CHUNK = 1024  # graphs looked at together: bounds the memory


@dataclass(frozen=True)
class Description:
    """Counts of a data set.

    Args:
        nodes: Nodes of each graph, ``(G,)``.
        triples: Triples of each graph, ``(G,)``.
        labels: Graphs by split and label.
        relations: Triples by relation, the most frequent first.
        node_types: Nodes by type, the most frequent first.
        degrees: Number of nodes of each degree, from 0 on.
        groups: Number of groups.
        ceiling: Mean of the best accuracy that is possible, where the data tell it.
    """

    nodes: Ints
    triples: Ints
    labels: dict[str, dict[str, int]]
    relations: dict[str, int]
    node_types: dict[str, int]
    degrees: Ints
    groups: int
    ceiling: float | None

    def to_json(self) -> dict[str, Any]:
        """The same as plain values, sizes by their mean, median and range."""
        return {
            "graphs": len(self.nodes),
            "groups": self.groups,
            "splits": {split: sum(counts.values()) for split, counts in self.labels.items()},
            "labels": self.labels,
            "nodes": _summary(self.nodes),
            "triples": _summary(self.triples),
            "relations": self.relations,
            "node_types": self.node_types,
            "degrees": self.degrees.tolist(),
            "ceiling": self.ceiling,
        }


def describe(graphs: PackedGraphs) -> Description:
    """Counts what a view of graphs holds."""
    schema = graphs.schema
    relations, types = np.zeros(len(schema.relations), np.int64), np.zeros(len(schema.node_types), np.int64)
    sizes: list[Ints] = []
    degrees: list[Ints] = []
    for batch in _batches(graphs):
        relations += np.bincount(batch.edge_type.numpy(), minlength=len(relations))
        types += np.bincount(batch.node_type.numpy(), minlength=len(types))
        graph = batch.batch.numpy()[batch.edge_index[0].numpy()]
        per_graph = np.bincount(graph, minlength=batch.num_graphs)
        sizes.append(np.stack([np.diff(batch.ptr.numpy()), per_graph]))
        degrees.append(np.bincount(batch.edge_index.numpy().ravel(), minlength=len(batch.node_type)))
    nodes, triples = np.concatenate([np.zeros((2, 0), np.int64), *sizes], axis=1)
    return Description(
        nodes=nodes,
        triples=triples,
        labels=_labels(graphs),
        relations=_ranked(schema.relations, relations),
        node_types=_ranked(schema.node_types, types),
        degrees=np.bincount(np.concatenate([np.zeros(0, np.int64), *degrees])),
        groups=len(np.unique(graphs.groups)),
        ceiling=mean_known_ceiling(graphs),
    )


def _batches(graphs: PackedGraphs) -> Iterator[GraphBatch]:
    for start in range(0, len(graphs), CHUNK):
        yield graphs.batch(np.arange(start, min(start + CHUNK, len(graphs))))


def _labels(graphs: PackedGraphs) -> dict[str, dict[str, int]]:
    names = graphs.schema.labels
    counts = np.zeros((len(SPLITS), len(names)), np.int64)
    np.add.at(counts, (graphs.splits, graphs.labels), 1)
    return {split: dict(zip(names, row, strict=True)) for split, row in zip(SPLITS, counts.tolist(), strict=True)}


def _ranked(names: tuple[str, ...], counts: Ints) -> dict[str, int]:
    order = np.argsort(-counts, kind="stable").tolist()
    return {names[place]: int(counts[place]) for place in order}


def mean_known_ceiling(graphs: PackedGraphs) -> float | None:
    """Mean of the best accuracy that is possible on each graph, where the table tells it; else None."""
    if "ceiling" not in graphs.table.column_names:
        return None
    known = [value for value in graphs.table["ceiling"].to_pylist() if value is not None and not np.isnan(value)]
    return float(np.mean(known)) if known and len(known) == len(graphs) else None


def _summary(values: Ints) -> dict[str, float | int]:
    low, high = (int(edge(values)) for edge in (np.min, np.max))
    return {"mean": float(values.mean()), "median": float(np.median(values)), "min": low, "max": high}
