"""Lifting: exact inverse, real gradients for the scores."""

from __future__ import annotations

from dataclasses import replace

import torch

from nsm.nn import Contraction, Lifting, NoisyOr, RelationalGraph, contract
from tests.nn.odd_graphs import NUM_RELATIONS, odd_batch


def lifted() -> tuple[Lifting, torch.Tensor, Contraction]:
    torch.manual_seed(0)
    data = odd_batch(torch.float64)
    ones = torch.ones(data.num_edges, dtype=torch.float64)
    graph = RelationalGraph(data.edge_index, data.edge_type, data.edge_weight, ones, data.num_nodes, NUM_RELATIONS)
    lifting = Lifting(8, NUM_RELATIONS).double()
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
    guessed = lifting.inverse(coarse, None, plan)
    (coarse.square().sum() + detail.square().sum() + guessed.square().sum()).backward()
    for name, parameter in lifting.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_gradients_in_float64() -> None:
    lifting, x, plan = lifted()

    def run(x: torch.Tensor, *_: torch.Tensor) -> tuple[torch.Tensor, ...]:
        scored = replace(plan, score=lifting.score(x).squeeze(1))  # the nodes that stay are the same
        coarse, detail = lifting(x, scored)
        return coarse, detail, lifting.inverse(coarse, None, scored)

    assert torch.autograd.gradcheck(run, (x, *lifting.parameters()), fast_mode=True)


def test_a_leader_tells_its_nodes_apart_by_their_places() -> None:
    """Four equal nodes around a hub: without their places the hub's messages to them could not differ."""
    torch.manual_seed(0)
    head, tail = torch.zeros(4, dtype=torch.long), torch.arange(1, 5)
    ones = torch.ones(4, dtype=torch.float64)
    graph = RelationalGraph(torch.stack((head, tail)), torch.zeros(4, dtype=torch.long), ones, ones, 5, 1)
    score = torch.tensor([1.0, 0, 0, 0, 0], dtype=torch.float64)
    keys, batch = torch.tensor([0, 4, 2, 3, 1]), torch.zeros(5, dtype=torch.long)
    plan = contract(graph, score, keys, batch, 1, ratio=0.2, semiring=NoisyOr())
    assert plan.kept.tolist() == [0]
    assert sorted(plan.place[1:].tolist()) == [0, 1, 2, 3]
    order = plan.place.argsort(stable=True)[1:]  # by the random key, which is no feature
    assert keys[order].tolist() in (sorted(keys[order].tolist()), sorted(keys[order].tolist(), reverse=True))
    lifting = Lifting(8, 1).double()
    coarse = torch.randn(1, 8, dtype=torch.float64)
    dropped = lifting.inverse(coarse, None, plan)[plan.dropped]
    assert torch.cdist(dropped, dropped).fill_diagonal_(1).min() > 1e-3
    x = torch.randn(5, 8, dtype=torch.float64)
    swapped = x[[0, 2, 1, 3, 4]]
    assert (lifting(x, plan)[0] - lifting(swapped, plan)[0]).norm() > 1e-3  # and they reach it in different places


def test_more_nodes_than_places_share_the_last_and_come_back() -> None:
    torch.manual_seed(0)
    ones = torch.ones(9, dtype=torch.float64)
    edges = torch.stack((torch.zeros(9, dtype=torch.long), torch.arange(1, 10)))
    graph = RelationalGraph(edges, torch.zeros(9, dtype=torch.long), ones, ones, 10, 1)
    score = torch.arange(10, 0, -1, dtype=torch.float64)
    plan = contract(graph, score, torch.arange(10), torch.zeros(10).long(), 1, ratio=0.1, semiring=NoisyOr())
    assert plan.kept.tolist() == [0]
    assert plan.place.tolist() == [0, 0, 1, 2, 3, 3, 3, 3, 3, 3]  # by descending score
    lifting, x = Lifting(8, 1).double(), torch.randn(10, 8, dtype=torch.float64)
    coarse, detail = lifting(x, plan)
    torch.testing.assert_close(lifting.inverse(coarse, detail, plan), x, rtol=1e-12, atol=1e-12)
