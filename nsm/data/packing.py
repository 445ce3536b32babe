"""Packs the samples of one shard into arrays: graph after graph, edges sorted by relation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nsm.data.triples import Sample, Schema
from nsm.errors import DataError

__all__ = [
    "EDGE_ARRAYS",
    "EVIDENCE_ARRAYS",
    "NODE_ARRAYS",
    "PackedPart",
    "gather_ranges",
    "offsets",
    "pack_samples",
]

if TYPE_CHECKING:
    import pyarrow as pa

RESERVED = ("group", "names", "source")  # columns that the data core fills

Array = npt.NDArray[Any]
Index = npt.NDArray[np.int64]

NODE_ARRAYS = {"node_type": "<u1", "role": "<u1", "order": "<i2", "value": "<f4"}
EDGE_ARRAYS = {
    "head": "<i4",
    "tail": "<i4",
    "relation": "<i2",
    "confidence": "<f4",
    "level": "<u1",
    "triple_id": "<i4",
}
EVIDENCE_ARRAYS = {"evidence/kind": "<u1", "evidence/id": "<i4"}  # kind 0 = node, 1 = triple


def offsets(counts: Array) -> Index:
    """Offsets of consecutive segments: ``(G,)`` counts to ``(G + 1,)`` bounds."""
    bounds = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=bounds[1:])
    return bounds


def gather_ranges(starts: Array, counts: Array) -> Index:
    """The positions ``start .. start + count - 1`` of segment after segment, ``(sum(counts),)``."""
    bounds = offsets(counts)
    positions: Index = np.arange(bounds[-1], dtype=np.int64)
    positions += (starts - bounds[:-1]).repeat(counts)
    return positions


@dataclass
class PackedPart:
    """Samples as packed arrays: the nodes, the edges (sorted) and the evidence of graph after graph.

    Args:
        arrays: Arrays by name; ``label``, ``num_nodes``, ``num_edges``, ``num_evidence`` are per graph.
        table: Arrow table with ``group``, the info columns, ``names`` and ``source``.
    """

    arrays: dict[str, Array]
    table: pa.Table

    def __len__(self) -> int:
        return len(self.arrays["label"])

    def take(self, rows: Index) -> PackedPart:
        """The part with these graphs only, in this order."""
        a = self.arrays
        taken = {name: a[name][rows] for name in ("label", "num_nodes", "num_edges", "num_evidence")}
        kinds = {"num_nodes": NODE_ARRAYS, "num_edges": EDGE_ARRAYS, "num_evidence": EVIDENCE_ARRAYS}
        for count, names in kinds.items():
            positions = gather_ranges(offsets(a[count])[rows], a[count][rows])
            taken |= {name: a[name][positions] for name in names}
        return PackedPart(taken, self.table.take(rows))


def pack_samples(schema: Schema, samples: Sequence[Sample]) -> PackedPart:
    """Checks and packs samples; edges are sorted by (relation, tail, head) inside each graph, stably.

    Raises:
        DataError: If a sample does not fit the schema, or its info has other keys than the first one's.
    """
    for sample in samples:
        sample.check(schema)
    num_edges = np.array([s.num_triples for s in samples], np.int64)
    edges = {name: _join(samples, name, dtype) for name, dtype in EDGE_ARRAYS.items() if name != "triple_id"}
    edges["triple_id"] = (np.arange(num_edges.sum()) - np.repeat(offsets(num_edges)[:-1], num_edges)).astype("<i4")
    graph = np.repeat(np.arange(len(samples)), num_edges)
    by_relation = np.lexsort((edges["head"], edges["tail"], edges["relation"], graph))
    arrays = {name: _join(samples, name, dtype) for name, dtype in NODE_ARRAYS.items() if name != "value"}
    values = [np.asarray(s.value, "<f4") for s in samples]
    arrays["value"] = np.concatenate([np.empty((0, len(schema.values)), "<f4"), *values])
    arrays |= {name: column[by_relation] for name, column in edges.items()}
    arrays |= _pack_evidence(samples, num_edges, by_relation)
    arrays["label"] = np.array([s.label for s in samples], "<i2")
    arrays["num_nodes"] = np.array([s.num_nodes for s in samples], np.int64)
    arrays["num_edges"] = num_edges
    return PackedPart(arrays, _arrow_table(samples))


def _join(samples: Sequence[Sample], name: str, dtype: str) -> Array:
    columns = [np.asarray(getattr(s, name), dtype) for s in samples]
    return np.concatenate([np.empty(0, dtype), *columns])


def _pack_evidence(samples: Sequence[Sample], num_edges: Index, by_relation: Index) -> dict[str, Array]:
    """Evidence as (kind, id); a triple's id becomes its place in the sorted order of its graph."""
    place = np.empty_like(by_relation)
    place[by_relation] = np.arange(len(by_relation))
    kinds: list[int] = []
    ids: list[int] = []
    for start, sample in zip(offsets(num_edges)[:-1].tolist(), samples, strict=True):
        triples = sorted(int(place[start + t]) - start for t in set(sample.evidence_triples))
        nodes = sorted(int(n) for n in set(sample.evidence_nodes))
        kinds += [0] * len(nodes) + [1] * len(triples)
        ids += nodes + triples
    counts = [len(set(s.evidence_nodes)) + len(set(s.evidence_triples)) for s in samples]
    return {
        "num_evidence": np.array(counts, np.int64),
        "evidence/kind": np.array(kinds, "<u1"),
        "evidence/id": np.array(ids, "<i4"),
    }


def _arrow_table(samples: Sequence[Sample]) -> pa.Table:
    """Group, info columns, names, source; column types are inferred from this part alone."""
    import pyarrow as pa

    keys = list(samples[0].info) if samples else []
    for sample in samples:
        if set(sample.info) != set(keys) or set(keys) & set(RESERVED):
            got = f"expected the info columns {sorted(keys)} (none of {RESERVED}), got {sorted(sample.info)}"
            raise DataError(f"a sample of group {sample.group!r}: {got}")
    try:
        columns = {key: pa.array([s.info[key] for s in samples]) for key in keys}
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"an info column mixes types: {error}") from error
    columns["group"] = pa.array([s.group for s in samples], pa.string())
    columns["names"] = pa.array([s.names for s in samples], pa.list_(pa.string()))
    columns["source"] = pa.array([s.source for s in samples], pa.string())
    order = ["group", *keys, "names", "source"]
    return pa.table({name: columns[name] for name in order})
