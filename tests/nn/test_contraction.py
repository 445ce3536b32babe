"""Contraction: domination, leaders, edges, relation types, multiplicities, order of nodes."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nsm.nn import NoisyOr, RelationalGraph, coarsen, contract, dominating_set
from nsm.nn.contraction import Contraction, priority
from tests.nn.odd_graphs import NUM_RELATIONS, SHAPES, odd_batch


def graph_of(edge_index: torch.Tensor, num_nodes: int, **changes: torch.Tensor) -> RelationalGraph:
    count = edge_index.shape[1]
    edges = {
        "edge_type": torch.zeros(count, dtype=torch.long),
        "edge_weight": torch.ones(count),
        "multiplicity": torch.ones(count),
    }
    return RelationalGraph(edge_index, num_nodes=num_nodes, num_relations=NUM_RELATIONS, **(edges | changes))


def contracted(ratio: float = 0.5, seed: int = 0) -> tuple[RelationalGraph, Contraction, torch.Tensor]:
    data = odd_batch()
    graph = graph_of(data.edge_index, data.num_nodes, edge_type=data.edge_type, edge_weight=data.edge_weight)
    score = torch.randn(data.num_nodes, generator=torch.Generator().manual_seed(seed))
    plan = contract(graph, score, data.tie_key, data.batch, data.num_graphs, ratio=ratio, semiring=NoisyOr())
    return graph, plan, data.batch


@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_every_node_has_a_leader_next_to_it_and_every_edge_survives(ratio: float, seed: int) -> None:
    graph, plan, batch = contracted(ratio, seed)
    kept = set(plan.kept.tolist())
    pairs = {frozenset(edge) for edge in graph.edge_index.t().tolist()}
    for node, leader in enumerate(plan.leader.tolist()):
        assert leader in kept
        assert leader == node if node in kept else frozenset((node, leader)) in pairs
    above = {
        (plan.kept[h].item(), r, plan.kept[t].item())
        for h, t, r in zip(*plan.coarse.edge_index.tolist(), plan.coarse.edge_type.tolist(), strict=True)
    }
    for head, tail, relation in zip(*graph.edge_index.tolist(), graph.edge_type.tolist(), strict=True):
        high, low = plan.leader[head].item(), plan.leader[tail].item()
        assert high == low or (high, relation, low) in above
    assert torch.bincount(batch[plan.kept], minlength=len(SHAPES)).min() >= 1  # no graph vanishes


def test_the_budget_is_the_share_after_completion() -> None:
    _, plan, batch = contracted(ratio=0.5)
    sizes, kept = torch.bincount(batch), torch.bincount(plan.batch)
    names = list(SHAPES)
    for name in ("cycle", "path", "complete", "star"):
        g = names.index(name)
        assert kept[g] >= (sizes[g] + 1) // 2
    g = names.index("complete")  # its dominating set is one node, so the budget is met exactly
    assert kept[g] == (sizes[g] + 1) // 2
    g = names.index("isolated nodes")
    assert kept[g] == sizes[g]


def sequential_set(rank: list[int], edges: list[tuple[int, int]]) -> set[int]:
    """The rule as one would write it: down the ranks, enter unless a neighbour is in."""
    neighbours: dict[int, set[int]] = {v: set() for v in range(len(rank))}
    for u, v in edges:
        neighbours[u].add(v)
        neighbours[v].add(u)
    chosen: set[int] = set()
    for v in sorted(range(len(rank)), key=lambda v: -rank[v]):
        if not neighbours[v] & chosen:
            chosen.add(v)
    return chosen


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_parallel_rounds_equal_the_sequential_rule(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    node = st.integers(0, count - 1)
    edges = data.draw(st.lists(st.tuples(node, node).filter(lambda e: e[0] != e[1]), max_size=30))
    rank = data.draw(st.permutations(range(count)))
    edge_index = torch.tensor(edges, dtype=torch.long).reshape(-1, 2).t()
    chosen = dominating_set(np.array(rank), *edge_index.numpy())
    assert set(np.flatnonzero(chosen).tolist()) == sequential_set(list(rank), edges)


def test_ties_are_broken_by_the_key_not_by_the_position() -> None:
    score = np.array([0.5, 0.50001, 0.5, 0.1], np.float32)
    rank = priority(score, np.array([7, 3, 5, 9]))
    assert rank.tolist() == [3, 1, 2, 0]


def test_a_score_that_is_no_number_counts_as_zero() -> None:
    assert priority(np.array([0.2, np.nan, -0.2], np.float32), np.arange(3)).tolist() == [2, 1, 0]


@pytest.mark.parametrize("ratio", ["0.28", "0.5", "1"])  # 0.28 of 25 is a little above 7 as a float
def test_each_graph_is_filled_up_with_its_highest_nodes(ratio: str) -> None:
    """Stars, whose hubs are the highest and dominate the others."""
    generator = torch.Generator().manual_seed(0)
    edges, scores, expected, count = [], [], [], 0
    for size in range(1, 26):
        score = torch.rand(size, generator=generator)
        hub = int(score.argmax())
        edges += [(count + hub, count + node) for node in range(size) if node != hub]
        highest = score.argsort(descending=True)[: math.ceil(Fraction(ratio) * size)]
        expected += (highest.sort().values + count).tolist()
        scores.append(score)
        count += size
    batch = torch.arange(25).repeat_interleave(torch.arange(1, 26))
    graph = graph_of(torch.tensor(edges).t(), count)
    keys = torch.zeros(count, dtype=torch.long)
    plan = contract(graph, torch.cat(scores), keys, batch, 25, ratio=float(ratio), semiring=NoisyOr())
    assert plan.kept.tolist() == expected


def test_parallel_edges_keep_relation_confidence_and_multiplicity() -> None:
    edge_index = torch.tensor([[0, 1, 1, 2, 0], [2, 2, 2, 0, 1]])
    graph = graph_of(
        edge_index,
        4,
        edge_type=torch.tensor([0, 0, 1, 0, 2]),
        edge_weight=torch.tensor([0.5, 0.8, 0.3, 1.0, 0.9]),
        multiplicity=torch.tensor([1.0, 2.0, 1.0, 1.0, 1.0]),
    )
    leader = np.array([0, 0, 2, 3])  # node 1 is led by node 0 over an edge of confidence 0.9
    coarse = coarsen(graph, leader, np.float32([1.0, 0.9, 1.0, 1.0]), np.array([0, 0, 1, 2]), 3, NoisyOr())
    rows = zip(*coarse.edge_index.tolist(), coarse.edge_type.tolist(), strict=True)
    found = dict(zip(rows, zip(coarse.edge_weight.tolist(), coarse.multiplicity.tolist(), strict=True), strict=True))
    assert found.keys() == {(0, 1, 0), (0, 1, 1), (1, 0, 0)}
    assert found[0, 1, 0] == pytest.approx((1 - 0.5 * (1 - 0.8 * 0.9), 3.0))
    assert found[0, 1, 1] == pytest.approx((0.3 * 0.9, 1.0))
    assert found[1, 0, 0] == pytest.approx((1.0, 1.0))


def test_a_moved_edge_is_as_sure_as_the_path_through_the_leaders_of_both_ends() -> None:
    """Node 2 leads node 1, node 0 leads node 3, each by the surest of two edges."""
    edges = {
        (2, 0, 1): 0.5,
        (1, 1, 2): 0.8,
        (3, 0, 0): 0.6,
        (0, 2, 3): 0.3,
        (1, 0, 3): 0.9,
        (1, 0, 0): 0.95,  # to a node that stays, which does not lead node 1
        (3, 1, 1): 0.7,
        (0, 1, 1): 0.45,
    }
    head, relation, tail = torch.tensor(list(edges)).t()
    weight = torch.tensor(list(edges.values()), dtype=torch.float64)
    graph = graph_of(torch.stack((head, tail)), 4, edge_type=relation, edge_weight=weight)
    score, keys, batch = torch.tensor([3.0, 2.0, 4.0, 1.0]), torch.arange(4), torch.zeros(4, dtype=torch.long)
    plan = contract(graph, score, keys, batch, 1, ratio=0.5, semiring=NoisyOr())
    assert plan.kept.tolist() == [0, 2] and plan.leader.tolist() == [0, 2, 2, 0]
    rows = zip(*plan.coarse.edge_index.tolist(), plan.coarse.edge_type.tolist(), strict=True)
    assert dict(zip(rows, plan.coarse.edge_weight.tolist(), strict=True)) == {
        (1, 0, 0): pytest.approx(1 - (1 - 0.8 * 0.9 * 0.6) * (1 - 0.8 * 0.95)),
        (0, 1, 1): pytest.approx(1 - (1 - 0.6 * 0.7 * 0.8) * (1 - 0.45 * 0.8)),
    }


def test_untyped_edges_of_one_pair_become_one_edge() -> None:
    data = odd_batch()
    graph = graph_of(data.edge_index, data.num_nodes, edge_type=data.edge_type, edge_weight=data.edge_weight)
    score = torch.randn(data.num_nodes, generator=torch.Generator().manual_seed(0))
    rest = (data.tie_key, data.batch, data.num_graphs)
    typed, plain = (
        contract(graph, score, *rest, ratio=0.5, semiring=NoisyOr(), is_typed=is_typed) for is_typed in (True, False)
    )
    assert plain.fine is graph and torch.equal(plain.kept, typed.kept) and torch.equal(plain.leader, typed.leader)
    above = plain.coarse
    assert above.num_relations == 1 and not above.edge_type.any()
    pairs = set(zip(*typed.coarse.edge_index.tolist(), strict=True))
    assert above.edge_index.shape[1] == len(pairs) < typed.coarse.edge_index.shape[1]
    for number, (head, tail) in enumerate(above.edge_index.t().tolist()):
        at = (typed.coarse.edge_index == torch.tensor([[head], [tail]])).all(0)
        assert above.multiplicity[number] == typed.coarse.multiplicity[at].sum()
        assert above.edge_weight[number] == pytest.approx(
            float(1 - (1 - typed.coarse.edge_weight[at]).prod()), abs=1e-6
        )
