"""From a batch to the encoded nodes and the edges of level 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nsm.data.batch import GraphBatch
from nsm.models.order_scale import OrderScale
from nsm.nn import DropoutKey, RelationalGraph


@dataclass(frozen=True, eq=False)
class Encoded:
    """Level 0 of a batch.

    Shapes:
        - **x**: ``(N, C)`` layer-normalised; **batch**, **tie_key**: ``(N,)``.
    """

    x: Tensor
    graph: RelationalGraph
    batch: Tensor
    tie_key: Tensor
    num_graphs: int


class Encoder(nn.Module):
    """A linear map and a layer norm on node features; of nodes that are alike, once for all of them.

    Args:
        in_channels: Number of node features.
        channels: Number of encoded features ``C``.
        num_relations: Number of relations, reverses not counted.
        norm: How messages are divided, see :class:`~nsm.nn.graph.RelationalGraph`.
        order: How positions are scaled; None where they are taken as they are.
        key: Seed and step, of which the scale is a function in training.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        num_relations: int,
        norm: str,
        order: OrderScale | None = None,
        key: DropoutKey | None = None,
    ) -> None:
        super().__init__()
        self.order, self.key = order, key or DropoutKey()
        self.linear = nn.Linear(in_channels, channels)
        self.norm = nn.LayerNorm(channels)
        self.num_relations, self.message_norm = num_relations, norm

    def forward(self, data: Any) -> Encoded:
        """Reads our batch, PyTorch Geometric's ``Batch`` or a single ``Data``.

        ``edge_weight`` defaults to 1 and ``tie_key`` to the node's position, where a foreign graph has none.

        Raises:
            ValueError: If a foreign graph has an edge weight that is no confidence.
        """
        x = self._encode(data)
        count = x.shape[0]
        batch = getattr(data, "batch", None)
        batch = x.new_zeros(count, dtype=torch.long) if batch is None else batch
        weight = getattr(data, "edge_weight", None)
        if weight is not None and not isinstance(data, GraphBatch) and not ((weight >= 0) & (weight <= 1)).all():
            got = f"{weight.min().item():g} to {weight.max().item():g}"
            raise ValueError(
                f"expected edge weights that are confidences, from 0 to 1, got {got}: divide by the highest"
            )
        weight = x.new_ones(data.edge_type.shape[0]) if weight is None else weight.to(x.dtype)
        tie_key = getattr(data, "tie_key", None)
        tie_key = torch.arange(count, device=x.device) if tie_key is None else tie_key
        graph = RelationalGraph(
            data.edge_index,
            data.edge_type,
            weight,
            torch.ones_like(weight),
            count,
            self.num_relations,
            self.message_norm,
        )
        num_graphs = getattr(data, "num_graphs", None) or 1
        return Encoded(x, graph, batch, tie_key, int(num_graphs))

    def _encode(self, data: Any) -> Tensor:
        """Maps the table of different features once where the batch has one, and adds what differs by node."""
        has_table = isinstance(data, GraphBatch) and "x" not in vars(data) and len(data.features) < data.num_nodes
        mapped = self.linear(data.features if has_table else data.x)
        more, value = None if self.order is None else self.order(data, self.key), None
        if has_table:
            value = data.value
            if more is None and value is None:
                return functional.embedding(data.feature_row, self._normalised(mapped))
            mapped = functional.embedding(data.feature_row, mapped)
        weight = self.linear.weight
        if value is not None:
            mapped = mapped + functional.linear(value.to(weight.dtype), weight[:, -value.shape[1] :])
        if more is not None and self.order is not None:
            at, waves = more
            mapped = mapped.index_add(0, at, functional.linear(waves.to(weight.dtype), weight[:, self.order.columns]))
        return self._normalised(mapped)

    def _normalised(self, mapped: Tensor) -> Tensor:
        # the stream keeps the dtype of the weights: autocast would leave bfloat16, and Fabric gives it already
        x: Tensor = self.norm(mapped.to(self.norm.weight.dtype))
        return x
