"""The order of messages and what it does not depend on."""

from __future__ import annotations

import pytest
import torch

from nsm.nn import RelationalGraph
from tests.nn.odd_graphs import NUM_RELATIONS, odd_batch


def test_messages_are_sorted_and_counted() -> None:
    data = odd_batch()
    ones = torch.ones(data.num_edges)
    graph = RelationalGraph(data.edge_index, data.edge_type, ones, ones, data.num_nodes, NUM_RELATIONS, "mean")
    edges = graph.messages
    assert edges.relation_ptr[-1] == 2 * data.num_edges
    for begin, end in zip(edges.relation_ptr[:-1], edges.relation_ptr[1:], strict=True):
        assert (edges.dst[begin:end].diff() >= 0).all()
        reached = torch.unique(edges.dst[begin:end]).numel()
        # a mean: the coefficients of the messages that reach one node under one relation sum to one
        torch.testing.assert_close(edges.coefficient[begin:end].sum(), torch.tensor(float(reached)))


@pytest.mark.parametrize("norm", ["sum", "mean", "sqrt"])
def test_confidence_weighs_a_message_and_does_not_count_in_the_norm(norm: str) -> None:
    edge_index, relation = torch.tensor([[0, 1, 2], [3, 3, 3]]), torch.zeros(3, dtype=torch.long)
    weight, multiplicity = torch.tensor([1.0, 0.5, 0.2]), torch.tensor([1.0, 2.0, 1.0])
    graph = RelationalGraph(edge_index, relation, weight, multiplicity, 4, 1, norm)
    divisor = {"sum": 1.0, "mean": 4.0, "sqrt": 2.0}[norm]
    begin, end = graph.messages.relation_ptr[:2]
    torch.testing.assert_close(graph.messages.coefficient[begin:end], weight * multiplicity / divisor)


def test_a_graph_without_edges_has_no_messages() -> None:
    empty = torch.empty(0)
    graph = RelationalGraph(torch.empty(2, 0, dtype=torch.long), empty.long(), empty, empty, 4, NUM_RELATIONS)
    assert graph.messages.relation_ptr == (0,) * (2 * NUM_RELATIONS + 1)
