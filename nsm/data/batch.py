"""A batch of graphs as one graph, and the evidence that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from nsm.data.folder import PackedFolder

__all__ = ["BatchEvidence", "GraphBatch"]


@dataclass
class GraphBatch:
    """Graphs side by side as one graph; the attributes are those of a PyTorch Geometric ``Batch``.

    Nodes have few different features: a batch holds these once, and the number of each node's. The matrix ``x`` of all
    nodes is made when it is asked for.

    Args:
        folder: Where the columns are read that few need.

    Shapes:
        - **features**: ``(F, C)`` float32, the different features of the whole data set, values left at zero.
        - **feature_kinds**: ``(3, F)`` int64 node type, role and order that are in them.
        - **feature_row**: ``(N,)`` int64 row of each node there.
        - **value**: ``(N, V)`` float32 values, which stand in the last features; None where nodes have none.
        - **edge_index**: ``(2, E)`` int64, heads above tails; sorted by (relation, tail, head) in a graph.
        - **edge_type**: ``(E,)`` int64 relations.
        - **edge_weight**: ``(E,)`` float32 confidences.
        - **batch**: ``(N,)`` int64 graph of each node; **ptr**: ``(G + 1,)`` int64 first node of each graph.
        - **y**: ``(G,)`` int64 labels.
        - **tie_key**: ``(N,)`` int64 random keys in [0, 2^31) that break ties; not a feature.
        - **index**: ``(G,)`` int64 graph ids in the whole data set.
    """

    feature_row: Tensor
    edge_index: Tensor
    edge_type: Tensor
    edge_weight: Tensor
    batch: Tensor
    ptr: Tensor
    y: Tensor
    tie_key: Tensor
    num_graphs: int
    index: Tensor
    features: Tensor
    feature_kinds: Tensor
    folder: PackedFolder = field(repr=False)
    value: Tensor | None = None

    @cached_property
    def x(self) -> Tensor:
        """``(N, C)`` float32 node features."""
        x = self.features.index_select(0, self.feature_row)
        if self.value is not None:
            x[:, -self.value.shape[1] :] = self.value
        return x

    @property
    def node_type(self) -> Tensor:
        """``(N,)`` int64."""
        return self._kind(0)

    @property
    def role(self) -> Tensor:
        """``(N,)`` int64."""
        return self._kind(1)

    @property
    def order(self) -> Tensor:
        """``(N,)`` int64, -1 where there is none."""
        return self._kind(2)

    def _kind(self, which: int) -> Tensor:
        return self.feature_kinds[which].index_select(0, self.feature_row)

    @property
    def edge_level(self) -> Tensor:
        """``(E,)`` int64, 1 = concrete; read from the folder when asked for."""
        found = self.folder.edge_level(self.index.cpu().numpy()).astype(np.int64)
        return torch.from_numpy(found).to(self.y.device)

    @property
    def num_nodes(self) -> int:
        """Number of nodes N of all graphs."""
        return self.feature_row.shape[0]

    @property
    def num_edges(self) -> int:
        """Number of edges E of all graphs."""
        return self.edge_index.shape[1]

    def part(self, low: int, high: int) -> GraphBatch:
        """A copy with the graphs from number ``low`` to before ``high`` only."""
        first, last = self.ptr[[low, high]].tolist()
        graph_of_edge = self.batch[self.edge_index[0]]  # edges stand in the order of their graphs
        begin, end = torch.searchsorted(graph_of_edge, graph_of_edge.new_tensor([low, high])).tolist()
        nodes, edges = ("feature_row", "tie_key"), ("edge_type", "edge_weight")
        part = replace(
            self,
            **{name: getattr(self, name)[first:last] for name in nodes},
            **{name: getattr(self, name)[begin:end] for name in edges},
            **{name: getattr(self, name)[low:high] for name in ("y", "index")},
            edge_index=self.edge_index[:, begin:end] - first,
            batch=self.batch[first:last] - low,
            ptr=self.ptr[low : high + 1] - first,
            num_graphs=high - low,
            value=None if self.value is None else self.value[first:last],
        )
        if "x" in vars(self):
            part.x = self.x[first:last]
        return part

    def to(self, device: torch.device | str) -> GraphBatch:
        """A copy with every tensor on the device."""
        columns: dict[str, Any] = {
            name: column.to(device, non_blocking=True) for name, column in self.tensors().items()
        }
        moved = replace(self, **columns)
        if "x" in vars(self):
            moved.x = self.x.to(device, non_blocking=True)
        return moved

    def tensors(self) -> dict[str, Tensor]:
        """All tensors that it holds, by name, but ``x``, which follows from them."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor) and name != "x"}


@dataclass(frozen=True)
class BatchEvidence:
    """The evidence of a batch, as positions in the arrays of the `GraphBatch` of the same graphs.

    Shapes:
        - **nodes**: ``(M,)`` node positions; **node_graph**: ``(M,)`` the graph of each in the batch.
        - **triples**: ``(K,)`` edge positions; **triple_graph**: ``(K,)``.
    """

    nodes: Tensor
    node_graph: Tensor
    triples: Tensor
    triple_graph: Tensor
