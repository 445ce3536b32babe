"""Lifting: exact inverse, real gradients for the scores."""

from __future__ import annotations

import torch

from nsm.nn import Contraction, Lifting, NoisyOr, RelationalGraph, contract
from tests.nn.odd_graphs import NUM_RELATIONS, odd_batch


def lifted() -> tuple[Lifting, torch.Tensor, Contraction]:
    torch.manual_seed(0)
    data = odd_batch(torch.float64)
    ones = torch.ones(data.num_edges, dtype=torch.float64)
    graph = RelationalGraph(data.edge_index, data.edge_type, data.edge_weight, ones, data.num_nodes, NUM_RELATIONS)
    lifting = Lifting(8, graph.num_message_relations).double()
    x = torch.randn(data.num_nodes, 8, dtype=torch.float64, requires_grad=True)
    score = lifting.score(x).squeeze(1)
    plan = contract(graph, score, data.tie_key, data.batch, data.num_graphs, ratio=0.5, semiring=NoisyOr())
    return lifting, x, plan


def test_synthesis_undoes_analysis() -> None:
    lifting, x, plan = lifted()
    coarse, detail = lifting(x, plan)
    torch.testing.assert_close(lifting.inverse(coarse, detail, plan), x, rtol=1e-13, atol=1e-13)


def test_synthesis_without_details_is_not_the_input() -> None:
    lifting, x, plan = lifted()
    coarse, _ = lifting(x, plan)
    assert (lifting.inverse(coarse, None, plan) - x).norm() > 0.1


def test_every_parameter_has_a_gradient_scores_included() -> None:
    lifting, x, plan = lifted()
    coarse, detail = lifting(x, plan)
    (coarse.square().sum() + detail.square().sum()).backward()
    for name, parameter in lifting.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
