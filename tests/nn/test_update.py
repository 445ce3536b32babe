"""The contract of node-wise layers: shapes, gradients, order of nodes, independence of graphs, state."""

from __future__ import annotations

import torch
from torch_geometric.data import Data

from nsm.nn import RelationalGraph, RelationalUpdate
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, SHAPES, odd_batch, odd_graph, permuted


def graph_of(data: Data) -> RelationalGraph:
    ones = torch.ones(data.num_edges, dtype=data.x.dtype)
    return RelationalGraph(data.edge_index, data.edge_type, data.edge_weight, ones, data.num_nodes, NUM_RELATIONS)


def run(layer: RelationalUpdate, data: Data) -> torch.Tensor:
    out: torch.Tensor = layer(data.x, graph_of(data).messages)
    return out


def layer(seed: int = 0) -> RelationalUpdate:
    torch.manual_seed(seed)
    return RelationalUpdate(IN_CHANNELS, 5, 4, 2 * NUM_RELATIONS).double()


def test_shape_and_a_gradient_on_every_parameter() -> None:
    update, data = layer(), odd_batch(torch.float64)
    out = run(update, data)
    assert out.shape == (data.num_nodes, 4)
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in update.parameters())


def test_equivariant_to_node_order() -> None:
    update, data = layer(), odd_graph("components", torch.float64)
    order = torch.randperm(data.num_nodes, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(run(update, permuted(data, order)), run(update, data)[order])


def test_graphs_of_a_batch_do_not_see_each_other() -> None:
    update, data = layer(), odd_batch(torch.float64)
    alone = torch.cat([run(update, odd_graph(name, torch.float64)) for name in SHAPES])
    torch.testing.assert_close(run(update, data), alone)


def test_state_round_trip() -> None:
    data, first, second = odd_batch(torch.float64), layer(0), layer(1)
    assert not torch.equal(run(first, data), run(second, data))
    second.load_state_dict(first.state_dict())
    assert torch.equal(run(first, data), run(second, data))
