"""A batch of graphs as one graph, and the evidence that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

__all__ = ["BatchEvidence", "GraphBatch"]


@dataclass
class GraphBatch:
    """Graphs side by side as one graph; the attributes are those of a PyTorch Geometric ``Batch``.

    Shapes:
        - **x**: ``(N, C)`` float32 node features.
        - **node_type**, **role**, **order**: ``(N,)`` int64; order is -1 where there is none.
        - **edge_index**: ``(2, E)`` int64, heads above tails; sorted by (relation, tail, head) in a graph.
        - **edge_type**: ``(E,)`` int64 relations.
        - **edge_weight**: ``(E,)`` float32 confidences.
        - **edge_level**: ``(E,)`` int64, 1 = concrete.
        - **batch**: ``(N,)`` int64 graph of each node; **ptr**: ``(G + 1,)`` int64 first node of each graph.
        - **y**: ``(G,)`` int64 labels.
        - **tie_key**: ``(N,)`` int64 random keys in [0, 2^31) that break ties; not a feature.
        - **index**: ``(G,)`` int64 graph ids in the whole data set.
    """

    x: Tensor
    node_type: Tensor
    role: Tensor
    order: Tensor
    edge_index: Tensor
    edge_type: Tensor
    edge_weight: Tensor
    edge_level: Tensor
    batch: Tensor
    ptr: Tensor
    y: Tensor
    tie_key: Tensor
    num_graphs: int
    index: Tensor

    @property
    def num_nodes(self) -> int:
        """Number of nodes N of all graphs."""
        return self.x.shape[0]

    @property
    def num_edges(self) -> int:
        """Number of edges E of all graphs."""
        return self.edge_index.shape[1]

    def part(self, low: int, high: int) -> GraphBatch:
        """A copy with the graphs from number ``low`` to before ``high`` only."""
        first, last = self.ptr[[low, high]].tolist()
        graph_of_edge = self.batch[self.edge_index[0]]  # edges stand in the order of their graphs
        begin, end = torch.searchsorted(graph_of_edge, graph_of_edge.new_tensor([low, high])).tolist()
        nodes = ("x", "node_type", "role", "order", "tie_key")
        edges = ("edge_type", "edge_weight", "edge_level")
        return replace(
            self,
            **{name: getattr(self, name)[first:last] for name in nodes},
            **{name: getattr(self, name)[begin:end] for name in edges},
            **{name: getattr(self, name)[low:high] for name in ("y", "index")},
            edge_index=self.edge_index[:, begin:end] - first,
            batch=self.batch[first:last] - low,
            ptr=self.ptr[low : high + 1] - first,
            num_graphs=high - low,
        )

    def to(self, device: torch.device | str) -> GraphBatch:
        """A copy with every tensor on the device."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "num_graphs"}
        moved: dict[str, Any] = {name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()}
        return replace(self, **moved)


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
