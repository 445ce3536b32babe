"""Messages and what weighs them."""

from __future__ import annotations

import pytest
import torch

from nsm.nn import RelationalConv, RelationalGraph, both_ways
from tests.nn.odd_graphs import NUM_RELATIONS, odd_batch


def strengths(graph: RelationalGraph, relation: int) -> torch.Tensor:
    """What each node (row) gets from each node (column) under one relation, as a convolution sends it."""
    conv = RelationalConv(1, 1, graph.num_message_relations)
    conv.weight.data.zero_()
    conv.weight.data[relation] = 1
    ones = torch.eye(graph.num_nodes)
    return torch.stack([conv(ones[:, [n]], graph.messages).squeeze(1).detach() for n in range(graph.num_nodes)], dim=1)


@pytest.mark.parametrize("relation", range(2 * NUM_RELATIONS))
def test_a_mean_divides_by_all_that_reach_a_node(relation: int) -> None:
    data = odd_batch()
    ones = torch.ones(data.num_edges)
    graph = RelationalGraph(data.edge_index, data.edge_type, ones, ones, data.num_nodes, NUM_RELATIONS, "mean")
    mine = data.edge_index[:, data.edge_type == relation % NUM_RELATIONS]
    reached = mine[1 if relation < NUM_RELATIONS else 0]
    expected = torch.zeros(data.num_nodes).index_fill(0, reached, 1.0)
    torch.testing.assert_close(strengths(graph, relation).sum(1), expected)


@pytest.mark.parametrize("norm", ["sum", "mean", "sqrt"])
def test_confidence_weighs_a_message_and_does_not_count_in_the_norm(norm: str) -> None:
    edge_index, relation = torch.tensor([[0, 1, 2], [3, 3, 3]]), torch.zeros(3, dtype=torch.long)
    weight, multiplicity = torch.tensor([1.0, 0.5, 0.2]), torch.tensor([1.0, 2.0, 1.0])
    graph = RelationalGraph(edge_index, relation, weight, multiplicity, 4, 1, norm)
    divisor = {"sum": 1.0, "mean": 4.0, "sqrt": 2.0}[norm]
    torch.testing.assert_close(strengths(graph, 0)[3, :3], weight * multiplicity / divisor)
    alone = {"sum": 1.0, "mean": multiplicity, "sqrt": multiplicity.sqrt()}[norm]
    torch.testing.assert_close(strengths(graph, 1)[:3, 3], weight * multiplicity / alone)


def test_a_graph_without_edges_has_no_messages() -> None:
    empty = torch.empty(0)
    graph = RelationalGraph(torch.empty(2, 0, dtype=torch.long), empty.long(), empty, empty, 4, NUM_RELATIONS)
    assert graph.messages.ends.tolist() == [0] * (2 * NUM_RELATIONS)
    assert not strengths(graph, 0).any()


def test_every_edge_and_its_reverse() -> None:
    edge_index, edge_type = both_ways(torch.tensor([[0, 2], [1, 0]]), torch.tensor([1, 0]), 3)
    assert edge_index.tolist() == [[0, 2, 1, 0], [1, 0, 0, 2]]
    assert edge_type.tolist() == [1, 0, 4, 3]
