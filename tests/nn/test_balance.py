"""The balance of clusters: against a plain loop, gradients, and graphs without anything to divide."""

from __future__ import annotations

import pytest
import torch

from nsm.nn import Contraction, Lifting, NoisyOr, RelationalGraph, contract
from nsm.nn.balance import cluster_imbalance
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, SHAPES, odd_batch, odd_graph

ONE = torch.float64


def planned(data: object, score: torch.Tensor, ratio: float = 0.3) -> Contraction:
    edge_index, weight = data.edge_index, data.edge_weight  # type: ignore[attr-defined]
    graph = RelationalGraph(
        edge_index,
        data.edge_type,
        weight,
        torch.ones_like(weight),
        len(score),
        NUM_RELATIONS,  # type: ignore[attr-defined]
    )
    batch = getattr(data, "batch", None)
    batch = torch.zeros(len(score), dtype=torch.long) if batch is None else batch
    count = int(batch.max()) + 1
    return contract(graph, score, data.tie_key, batch, count, ratio=ratio, semiring=NoisyOr())  # type: ignore[attr-defined]


def drawn(count: int) -> torch.Tensor:
    return torch.randn(count, dtype=ONE, generator=torch.Generator().manual_seed(count))


def by_hand(plan: Contraction, num_nodes: int) -> float:
    """Of a plan of one graph."""
    kept, mass = plan.kept.tolist(), dict.fromkeys(plan.kept.tolist(), 1.0)
    edges = [(head, tail) for head, tail in plan.fine.edge_index.t().tolist()]
    for node in set(range(num_nodes)) - set(kept):
        near = [k for k in kept if (k, node) in edges or (node, k) in edges]
        power = [plan.score[k].exp().item() for k in near]
        for k, share in zip(near, power, strict=True):
            mass[k] += share / sum(power)
    mean = sum(mass.values()) / len(kept)
    assert mean == pytest.approx(num_nodes / len(kept))  # nothing is lost
    return sum((m - mean) ** 2 for m in mass.values()) / len(kept) / mean**2


def test_it_is_the_variation_of_the_masses_graph_by_graph() -> None:
    batch = odd_batch(ONE)
    score = 2 * drawn(batch.num_nodes)
    together, expected = cluster_imbalance(planned(batch, score), batch.num_graphs), []
    for number, name in enumerate(SHAPES):
        data, mine = odd_graph(name, ONE), score[batch.batch == number]
        plan = planned(data, mine)
        expected.append(by_hand(plan, data.num_nodes))
        assert cluster_imbalance(plan, 1).item() == pytest.approx(expected[-1])
    assert together.tolist() == pytest.approx(expected)
    assert sum(value > 0.01 for value in expected) >= 3


def test_scores_far_apart_give_the_sizes_of_the_clusters() -> None:
    data = odd_graph("path", ONE)
    plan = planned(data, 200 * drawn(data.num_nodes))
    size = torch.bincount(plan.leader, minlength=data.num_nodes)[plan.kept].to(ONE)
    expected = (size / size.mean() - 1).square().mean()
    assert expected > 0
    torch.testing.assert_close(cluster_imbalance(plan, 1), expected[None])


@pytest.mark.parametrize("name", ["single node", "isolated nodes", "only a self-loop", "single edge"])
def test_without_anything_to_divide_it_is_zero(name: str) -> None:
    data = odd_graph(name, ONE)
    score = drawn(data.num_nodes).requires_grad_()
    found = cluster_imbalance(planned(data, score), 1)
    assert found.tolist() == [0.0]
    found.sum().backward()
    assert score.grad is not None and not score.grad.any()


def test_without_dropped_nodes_it_is_zero() -> None:
    data = odd_graph("path", ONE)
    plan = planned(data, drawn(data.num_nodes), ratio=1.0)
    assert plan.dropped.numel() == 0
    assert cluster_imbalance(plan, 1).tolist() == [0.0]


def test_gradients() -> None:
    batch = odd_batch(ONE)
    score = drawn(batch.num_nodes).requires_grad_()

    def measure(score: torch.Tensor) -> torch.Tensor:
        return cluster_imbalance(planned(batch, score), batch.num_graphs)

    assert torch.autograd.gradcheck(measure, score)
    lifting, x = Lifting(IN_CHANNELS, NUM_RELATIONS).double(), batch.x
    before = measure(lifting.score(x).squeeze(1)).mean()
    before.backward()
    assert lifting.score.weight.grad is not None
    with torch.no_grad():
        lifting.score.weight -= 0.01 * lifting.score.weight.grad / lifting.score.weight.grad.norm()
        plan = planned(batch, lifting.score(x).squeeze(1))
    assert cluster_imbalance(plan, batch.num_graphs).mean() < before
