"""All graphs of a data set as a few memory-mapped arrays, batched by vectorised gathering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from nsm.data.batch import BatchEvidence, GraphBatch
from nsm.data.folder import PackedFolder
from nsm.data.gathering import gather_batches, rows_of
from nsm.data.hashing import HashArray, content_hashes
from nsm.data.packing import EDGE_ARRAYS, NODE_ARRAYS, offsets
from nsm.data.triples import Evidence, Sample, Schema
from nsm.data.writing import split_code

if TYPE_CHECKING:
    import pyarrow as pa
    from torch_geometric.data import Data

__all__ = ["BatchEvidence", "GraphBatch", "PackedGraphs"]

Array = npt.NDArray[Any]
Index = npt.NDArray[np.int64]
Positions = Sequence[int] | Array | Tensor


class PackedGraphs(Dataset["Data"]):
    """A view of a folder of packed graphs: all of them, a split, or any selection in any order.

    ``graphs[i]`` is a PyTorch Geometric ``Data``; `batch` makes a batch of many without a loop over graphs.
    Evidence, names and sources are kept apart from both. Arrays stay on the disk and are mapped into memory
    when first used; pickling passes the folder's name and the selection only.

    Args:
        folder: Folder written by `nsm.data.build` or `nsm.data.writing`; an open one is shared.
        indices: Ids of the graphs of this view, ``(G,)``; all graphs if None.

    Raises:
        DataError: If the folder is not there, or its ``meta.json`` is damaged.
    """

    def __init__(self, folder: str | Path | PackedFolder, indices: Array | None = None) -> None:
        self._stored = folder if isinstance(folder, PackedFolder) else PackedFolder(Path(folder))
        self.indices: Index = np.arange(self._stored.num_graphs, dtype=np.int64)
        if indices is not None:
            self.indices = np.asarray(indices, np.int64)

    @classmethod
    def open(cls, folder: str | Path) -> PackedGraphs:
        """All graphs of a folder, after a look at every byte.

        Raises:
            DataError: If the folder is not there, or a file in it is missing or damaged.
        """
        graphs = cls(folder)
        graphs._stored.verify()
        return graphs

    def __reduce__(self) -> tuple[type[PackedGraphs], tuple[Path, Index]]:
        return PackedGraphs, (self.folder, self.indices)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> Data:
        from torch_geometric.data import Data

        one = self.batch([position])
        names = ("x", "node_type", "role", "order", "edge_index", "edge_type", "edge_weight", "edge_level")
        tensors = {name: getattr(one, name) for name in (*names, "y", "tie_key")}
        return Data(**tensors, num_nodes=one.num_nodes)

    @property
    def folder(self) -> Path:
        """The folder that holds the arrays."""
        return self._stored.path

    @property
    def schema(self) -> Schema:
        """The vocabularies."""
        return self._stored.schema

    @property
    def meta(self) -> Mapping[str, Any]:
        """What ``meta.json`` records: counts, splits, the source's key, what was dropped."""
        return self._stored.meta

    @property
    def fingerprint(self) -> str:
        """Hash of the content of the whole folder (64 hexadecimal digits)."""
        return str(self.meta["fingerprint"])

    @property
    def num_graphs(self) -> int:
        """Number of graphs of this view."""
        return len(self.indices)

    @property
    def mean_edges(self) -> float:
        """Edges of a graph, on average over the whole folder."""
        return len(self._stored.arrays["head"]) / max(self._stored.num_graphs, 1)

    @property
    def highest_order(self) -> int:
        """The highest position of a node of these graphs; -1 where none has one."""
        nodes, _ = self._positions("node_ptr", self.indices)
        return int(self._stored.arrays["order"].take(nodes).max(initial=-1))

    @property
    def labels(self) -> Array:
        """Classes, ``(G,)`` int64."""
        return self._stored.arrays["label"][self.indices].astype(np.int64)

    @property
    def groups(self) -> Array:
        """Group ids, ``(G,)`` int64; graphs of one group are always in one split."""
        return self._stored.arrays["group"][self.indices].astype(np.int64)

    @property
    def splits(self) -> Array:
        """Split codes, ``(G,)`` int64: 0 train, 1 val, 2 test."""
        return self._stored.arrays["split"][self.indices].astype(np.int64)

    @cached_property
    def table(self) -> pa.Table:
        """Arrow table of exactly these graphs: the name of the group and the info columns."""
        return self._stored.table("table").take(self.indices)

    def subset(self, which: str | Positions) -> PackedGraphs:
        """The graphs of this view that are in a split, or those at some positions, as a view.

        Raises:
            DataError: If a name is not ``train``, ``val`` or ``test``.
            IndexError: If a position is outside of this view.
        """
        chosen = self.indices[self.splits == split_code(which)] if isinstance(which, str) else self._graph_ids(which)
        return PackedGraphs(self._stored, chosen)

    def batch(self, positions: Positions) -> GraphBatch:
        """Gathers graphs into one batch, in the given order.

        Args:
            positions: Positions in this view, ``(G,)``; repetitions are allowed.

        Raises:
            IndexError: If a position is outside of this view.
        """
        return self.batches([positions])[0]

    def batches(self, parts: Sequence[Positions]) -> list[GraphBatch]:
        """Gathers several batches at once, which takes less time for each; they share their memory.

        Args:
            parts: Positions in this view for each batch.

        Raises:
            IndexError: If a position is outside of this view.
        """
        return gather_batches(self._stored, self._graph_ids(np.concatenate(parts)), [len(part) for part in parts])

    def evidence(self, position: int) -> Evidence:
        """What decides the label of one graph: local node ids, and positions in its edge order."""
        found = self.batch_evidence([position])
        return Evidence(tuple(found.nodes.tolist()), tuple(found.triples.tolist()))

    def batch_evidence(self, positions: Positions) -> BatchEvidence:
        """The evidence of ``batch(positions)``, as positions in the batch's node and edge arrays."""
        a, index = self._stored.arrays, self._graph_ids(positions)
        items, num_items = self._positions("evidence/ptr", index)
        graph = np.repeat(np.arange(len(index)), num_items)
        kind, number = a["evidence/kind"].take(items), a["evidence/id"].take(items).astype(np.int64)
        found = []
        for code, ptr in enumerate(("node_ptr", "edge_ptr")):
            start = offsets(self._positions(ptr, index)[1])[:-1]
            mine = kind == code
            found += [torch.from_numpy(number[mine] + start[graph[mine]]), torch.from_numpy(graph[mine])]
        return BatchEvidence(*found)

    def sample(self, position: int) -> Sample:
        """One graph as a `Sample`, with names, evidence, info and source; triples in the stored order."""
        a, index = self._stored.arrays, self._graph_ids([position])
        rows = {name: self._positions("node_ptr", index)[0] for name in NODE_ARRAYS}
        rows |= {name: self._positions("edge_ptr", index)[0] for name in EDGE_ARRAYS if name != "triple_id"}
        arrays: dict[str, Any] = {name: a[name][positions] for name, positions in rows.items()}
        evidence = self.evidence(position)
        info = {name: self.table[name][position].as_py() for name in self.table.column_names}
        return Sample(
            **arrays,
            label=int(a["label"][index[0]]),
            group=info.pop("group"),
            names=list(self._stored.row("names", int(index[0]))),
            evidence_nodes=evidence.nodes,
            evidence_triples=evidence.triples,
            info=info,
            source=str(self._stored.row("sources", int(index[0]))),
        )

    def triple_ids(self, position: int) -> Array:
        """For each stored edge of a graph its place in the sample as the source made it, ``(E,)``."""
        edges, _ = self._positions("edge_ptr", self._graph_ids([position]))
        return self._stored.arrays["triple_id"][edges]

    def names(self) -> list[list[str]]:
        """The names of the nodes of every graph of this view, read at once."""
        column: list[list[str]] = self._stored.table("names")["names"].take(self.indices).to_pylist()
        return column

    def sources(self) -> list[str]:
        """The provenance of every graph of this view, read at once."""
        column: list[str] = self._stored.table("sources")["source"].take(self.indices).to_pylist()
        return column

    def content_hashes(self, positions: Positions) -> HashArray:
        """Weisfeiler-Lehman hashes of some graphs, ``(G,)`` uint64; see `nsm.data.hashing`."""
        index = self._graph_ids(positions)
        nodes, num_nodes = self._positions("node_ptr", index)
        edges, num_edges = self._positions("edge_ptr", index)
        arrays = {name: self._stored.arrays[name][nodes] for name in NODE_ARRAYS}
        arrays |= {name: self._stored.arrays[name][edges] for name in EDGE_ARRAYS}
        return content_hashes(arrays, offsets(num_nodes), offsets(num_edges))

    def _positions(self, ptr: str, index: Index) -> tuple[Index, Index]:
        """The rows of some graphs in an array, and how many each graph has."""
        return rows_of(self._stored.arrays[ptr], index)

    def _graph_ids(self, positions: Positions) -> Index:
        chosen = np.asarray(positions, np.int64).reshape(-1)
        if chosen.size and not -len(self) <= chosen.min() <= chosen.max() < len(self):
            raise IndexError(f"expected positions below {len(self)}, got {chosen.min()} to {chosen.max()}")
        return self.indices[chosen]
