"""The convolution with diagonal weights, against the one with whole matrices and by gradient check."""

from __future__ import annotations

import pytest
import torch

from nsm.nn import DiagonalConv, QueryEdges, RelationalConv, RelationalGraph
from nsm.nn.diagonal_conv import MessageEdges
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, odd_batch, second_gradient


def odd_graph() -> tuple[torch.Tensor, RelationalGraph, MessageEdges]:
    """Features, and the same edges as a graph and as those of one query that sees them all."""
    data = odd_batch(torch.float64)
    ones, columns = torch.ones_like(data.edge_weight), (data.edge_index, data.edge_type, data.edge_weight)
    everyone = torch.ones((data.num_nodes, 1), dtype=torch.bool)
    edges = QueryEdges(*columns, data.num_nodes, NUM_RELATIONS)
    nothing = torch.empty(0, dtype=torch.long)
    messages = edges.messages(edges.visible(1, nothing, nothing), everyone)
    return data.x, RelationalGraph(*columns, ones, data.num_nodes, NUM_RELATIONS, "sqrt"), messages


def test_equals_matrices_that_are_diagonal() -> None:
    x, graph, messages = odd_graph()
    conv = DiagonalConv(IN_CHANNELS, graph.num_message_relations).double()
    whole = RelationalConv(IN_CHANNELS, IN_CHANNELS, graph.num_message_relations).double()
    whole.weight.data = torch.diag_embed(conv.weight.data)
    torch.testing.assert_close(conv(x, messages), whole(x, graph.messages))


def test_gradients_in_float64() -> None:
    x, graph, messages = odd_graph()
    conv = DiagonalConv(IN_CHANNELS, graph.num_message_relations).double()
    x.requires_grad_()
    weight = conv.weight.detach().clone().requires_grad_()

    def run(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(conv, {"weight": weight}, (x, messages))

    assert torch.autograd.gradcheck(run, (x, weight), fast_mode=True)


def test_a_second_derivative_is_refused_and_not_left_out() -> None:
    x, graph, messages = odd_graph()
    conv = DiagonalConv(IN_CHANNELS, graph.num_message_relations).double()
    with pytest.raises(RuntimeError, match="differentiate twice"):
        second_gradient(conv(x.requires_grad_(), messages), x)
