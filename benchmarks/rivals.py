"""The models that `speed.py` compares with: the same shape as NSM's, on PyTorch Geometric's layers."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn import FastRGCNConv, RGCNConv, global_max_pool, global_mean_pool

from nsm.nn import Lifting, RelationalGraph, RelationalUpdate, ReversibleBlock, ReversibleStack, both_ways
from nsm.nn.contraction import PLACES
from nsm.nn.slots import Slots

__all__ = ["RIVAL_CONVS", "FlatRival", "WeightPerEdge", "with_reference_layers", "with_weights_per_edge"]

MakeConv = Callable[[int, int, int], nn.Module]


class WeightPerEdge(nn.Module):
    r"""The formulation that gathers a ``C x C`` weight for every edge: ``y_v = sum w_e x_u W[r_e]``.

    Args:
        in_channels: Number of input features.
        out_channels: Number of output features.
        num_relations: Number of relations, reverses included.
    """

    def __init__(self, in_channels: int, out_channels: int, num_relations: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_relations, in_channels, out_channels) / in_channels**0.5)
        self.root = nn.Parameter(torch.randn(in_channels, out_channels) / in_channels**0.5)

    def forward(self, x: Tensor, edge_index: Tensor, edge_type: Tensor) -> Tensor:
        """Sends the messages and sums them at their destinations."""
        message = torch.einsum("ec,eco->eo", x[edge_index[0]], self.weight[edge_type])
        return (x @ self.root).index_add(0, edge_index[1], message)


class WeightPerEdgeUpdate(nn.Module):
    """NSM's update, to the same numbers, but every message takes a ``C x C`` weight of its own.

    Args:
        update: Whose weights it takes.
    """

    def __init__(self, update: RelationalUpdate) -> None:
        super().__init__()
        self.norm, self.root, self.project, self.weight = update.norm, update.root, update.project, update.conv.weight

    def forward(self, x: Tensor, slots: Slots) -> Tensor:
        """Returns the update."""
        x = self.norm(x)
        src, dst, relation, coefficient = _messages(slots)
        message = torch.einsum("ec,eco->eo", x[src], self.weight[relation]) * coefficient.unsqueeze(1)
        hidden = x.new_zeros((slots.spread.offsets.numel() - 1, message.shape[1]))
        hidden = hidden.index_add(0, dst, message)
        if self.root is not None:
            hidden = hidden + self.root(x)
        update: Tensor = self.project(torch.relu(hidden))
        return update


def _messages(slots: Slots) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Source, destination, relation and coefficient of each message."""
    sides = slots.gather, slots.spread_back
    counts = [side.offsets.diff() for side in sides]  # one of them is 1 in each slot
    messages = counts[0] * counts[1]
    slot = torch.repeat_interleave(torch.arange(messages.numel()), messages)
    place = torch.arange(slot.numel()) - (torch.cumsum(messages, 0) - messages)[slot]
    at = [side.offsets[slot] + place * (count > 1)[slot] for side, count in zip(sides, counts, strict=True)]
    src, dst = (side.index[where] for side, where in zip(sides, at, strict=True))
    relation = torch.searchsorted(slots.ends.long(), slot, right=True)
    return src, dst, relation, sides[0].weight[at[0]] * sides[1].weight[at[1]]


def with_weights_per_edge(model: nn.Module) -> nn.Module:
    """A copy of a model of NSM, the same but for the formulation of its layers."""
    model = copy.deepcopy(model)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, RelationalUpdate):
                setattr(module, name, WeightPerEdgeUpdate(child))
    return model


class ReferenceBlock(ReversibleBlock):
    """Two convolutions as a `ReversibleBlock` has, but each from all channels to all, and a weight gathered per edge.

    It is what stands there without halves. The way down takes as many convolutions as the inverse does, and is none.

    Args:
        channels: Number of features.
        num_relations: Number of relations, reverses included.
    """

    def __init__(self, channels: int, num_relations: int) -> None:
        nn.Module.__init__(self)
        updates = (RelationalUpdate(channels, channels, channels, num_relations, scale=0.5) for _ in range(2))
        self.updates = nn.ModuleList(map(WeightPerEdgeUpdate, updates))

    def forward(self, a: Tensor, b: Tensor, graph: RelationalGraph) -> tuple[Tensor, Tensor]:
        """Two residual convolutions."""
        x = torch.cat((a, b), dim=1)
        for update in self.updates:
            x = x + update(x, graph.messages)
        first, second = x.chunk(2, dim=1)
        return first, second

    inverse = forward


def with_reference_layers(model: nn.Module) -> nn.Module:
    """A copy of a hierarchy: as many convolutions on and between the same levels, all of the reference's width."""
    model = copy.deepcopy(model)
    for name, lifting in list(model.named_modules()):
        if isinstance(lifting, Lifting):
            relations, channels, _ = lifting.predict.conv.weight.shape
            model.set_submodule(name, Lifting(channels, relations // 2 - PLACES))
    model = with_weights_per_edge(model)
    for stack in [module for module in model.modules() if isinstance(module, ReversibleStack)]:
        for number, block in enumerate(stack.blocks):
            relations, half, _ = block.f.weight.shape  # type: ignore[union-attr]
            stack.blocks[number] = ReferenceBlock(2 * half, relations)
    return model


RIVAL_CONVS: dict[str, MakeConv] = {
    "PyG RGCNConv": RGCNConv,
    "PyG FastRGCNConv": FastRGCNConv,
    "a weight gathered per edge": WeightPerEdge,
}


class _Update(nn.Module):
    """Normalise, convolve, activate, project; added to the stream."""

    def __init__(self, make_conv: MakeConv, channels: int, num_relations: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.conv = make_conv(channels, channels, 2 * num_relations)
        self.project = nn.Linear(channels, channels)

    def forward(self, x: Tensor, edge_index: Tensor, edge_type: Tensor) -> Tensor:
        hidden = self.conv(self.norm(x), edge_index, edge_type)
        return x + self.project(torch.relu(hidden))


def _pool(x: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
    return torch.cat((global_mean_pool(x, batch, num_graphs), global_max_pool(x, batch, num_graphs)), dim=1)


def _readout(channels: int, num_classes: int) -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(2 * channels),
        nn.Linear(2 * channels, channels),
        nn.ReLU(),
        nn.Linear(channels, num_classes),
    )


class FlatRival(nn.Module):
    """NSM's flat model with another convolution.

    Args:
        make_conv: Builds a convolution from its input width, output width and number of relations.
        sizes: Numbers of node features, relations (reverses not counted) and classes.
        channels: Number of features per node.
        num_layers: Number of convolutions.
    """

    def __init__(self, make_conv: MakeConv, sizes: tuple[int, int, int], channels: int, num_layers: int) -> None:
        super().__init__()
        in_channels, self.num_relations, num_classes = sizes
        self.encoder = nn.Sequential(nn.Linear(in_channels, channels), nn.LayerNorm(channels))
        self.layers = nn.ModuleList(_Update(make_conv, channels, self.num_relations) for _ in range(num_layers))
        self.head = _readout(channels, num_classes)

    def forward(self, data: Any) -> Tensor:
        """Class scores ``(G, K)``."""
        edges = both_ways(data.edge_index, data.edge_type, self.num_relations)
        x = self.encoder(data.x)
        for layer in self.layers:
            x = layer(x, *edges)
        logits: Tensor = self.head(_pool(x, data.batch, data.num_graphs))
        return logits
