"""GPS, a graph transformer: messages along the edges and attention among all nodes of a graph; a baseline."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.utils import to_dense_batch

from nsm.models.encoder import Encoder
from nsm.models.gine import GINELayer
from nsm.models.order_scale import OrderScale
from nsm.models.output import Output
from nsm.nn import DropoutKey, GraphReadout, both_ways
from nsm.nn.recomputation import recomputed
from nsm.nn.reversible import KeyedDropout

__all__ = ["GPS"]


class GlobalAttention(nn.Module):
    """Normalise, attend to every node of the same graph, to be added to the stream.

    Args:
        channels: Number of features ``C``, even; with four heads where it is a multiple of four, two otherwise.

    Shapes:
        - **x**, output: ``(N, C)``; **batch**: ``(N,)`` ascending.

    Raises:
        ValueError: With an odd number of channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        if channels % 2:
            raise ValueError(f"channels must be even to be split among heads, got {channels}")
        heads = 4 if channels % 4 == 0 else 2
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
        """Returns the update."""
        dense, is_node = to_dense_batch(self.norm(x), batch, batch_size=num_graphs)
        update, _ = self.attention(dense, dense, dense, key_padding_mask=~is_node, need_weights=False)
        found: Tensor = update[is_node]
        return found


class GPSLayer(nn.Module):
    r"""A local and a global update side by side, then one of each node alone.

    .. math::
        h = x + \mathrm{GINE}(\hat x) + \mathrm{Attention}(\hat x), \qquad y = h + \mathrm{MLP}(\hat h)

    Each of the three has a layer norm of its own.

    Args:
        channels: Number of features ``C``.
        dropout: Probability of dropping a value of an update.
        place: Number of the layer; the masks of two layers differ.
        key: What the masks are drawn from.

    Shapes:
        - **x**, output: ``(N, C)``; **edges**: what :class:`~nsm.models.gine.GINELayer` takes; **batch**: ``(N,)``.
    """

    def __init__(self, channels: int, dropout: float, place: int, key: DropoutKey) -> None:
        super().__init__()
        self.local, self.attention = GINELayer(channels), GlobalAttention(channels)
        inner = nn.Linear(channels, 2 * channels)
        self.inner = nn.Sequential(nn.LayerNorm(channels), inner, nn.ReLU(), nn.Linear(2 * channels, channels))
        self.dropouts = nn.ModuleList(KeyedDropout(dropout, 3 * place + i, key) for i in range(3))

    def forward(self, edges: tuple[Tensor, ...], batch: Tensor, num_graphs: int, x: Tensor) -> Tensor:
        """Applies the layer."""
        local, everywhere, alone = self.dropouts
        found = local(self.local(x, *edges)) + everywhere(self.attention(x, batch, num_graphs))
        x = x + found.to(x.dtype)
        changed: Tensor = x + alone(self.inner(x)).to(x.dtype)
        return changed


class GPS(nn.Module):
    """GPS layers on the concrete graph, in which every node sees every other at each layer.

    Memory and time grow with the square of the nodes of the largest graph of a batch.

    Args:
        in_channels: Number of node features.
        num_relations: Number of relations, reverses not counted.
        num_classes: Number of classes ``K``.
        channels: Number of features per node and relation.
        num_layers: Number of layers.
        dropout: Probability of dropping a value of an update.
        query_role: Role of the nodes whose own features the readout takes as well; None where nothing is asked of one.
        pooling: How the readout pools, see :class:`~nsm.nn.pooling.GraphReadout`.
        order: How positions are scaled, see :class:`~nsm.models.order_scale.OrderScale`; None to take them as they are.
        seed: Seed of the dropout masks.
        recompute: Whether the backward pass computes each layer again instead of keeping what it needs.

    References:
        Rampasek et al., Recipe for a General, Powerful, Scalable Graph Transformer, NeurIPS 2022. Updates are of
        normalised features and the stream itself is not, as in the other networks here; there is no encoding of
        positions beside the features.
    """

    def __init__(
        self,
        in_channels: int,
        num_relations: int,
        num_classes: int,
        *,
        channels: int = 64,
        num_layers: int = 4,
        dropout: float = 0.0,
        query_role: int | None = None,
        pooling: str = "mean",
        order: OrderScale | None = None,
        seed: int = 0,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        self.recompute, self.query_role, self.key = recompute, query_role, DropoutKey(seed)
        self.encoder = Encoder(in_channels, channels, num_relations, "sum", order, self.key)
        self.relation = nn.Embedding(2 * num_relations, channels)
        self.layers = nn.ModuleList(GPSLayer(channels, dropout, i, self.key) for i in range(num_layers))
        self.readout = GraphReadout(channels, num_classes, is_asked=query_role is not None, pooling=pooling)

    def set_step(self, step: int, part: int = 0) -> None:
        """Tells the dropout masks which optimisation step this is, and which part of it."""
        self.key.step, self.key.part = step, part

    def forward(self, data: Any, *, reconstruct: bool = True) -> Output:
        """Classifies the graphs; reconstructs nothing, whatever is asked."""
        del reconstruct
        level = self.encoder(data)
        edge_index, edge_type = both_ways(data.edge_index, data.edge_type, level.graph.num_relations)
        edges = (edge_index, edge_type, level.graph.edge_weight.repeat(2).unsqueeze(1), self.relation.weight)
        x: Tensor = level.x
        for layer in self.layers:
            change = partial(layer, edges, level.batch, level.num_graphs)
            x = recomputed(change, x) if self.recompute and torch.is_grad_enabled() else change(x)
        asked = None if self.query_role is None else data.role == self.query_role
        return Output(self.readout([(x, level.batch)], level.num_graphs, asked), None, None, level.batch)
