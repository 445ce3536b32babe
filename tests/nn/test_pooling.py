"""Pooling of node features into one vector per graph."""

from __future__ import annotations

import pytest
import torch

from nsm.nn import GraphReadout, pool_graphs, pool_marked
from nsm.nn.pooling import softmax_within


def test_mean_and_maximum_of_each_graph() -> None:
    x = torch.tensor([[1.0, -1.0], [3.0, -5.0], [2.0, 0.0]], requires_grad=True)
    pooled = pool_graphs(x, torch.tensor([0, 0, 1]), 2)
    assert pooled.tolist() == [[2.0, -3.0, 3.0, -1.0], [2.0, 0.0, 2.0, 0.0]]
    pooled.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0.5, 1.5], [1.5, 0.5], [2.0, 2.0]]


def test_marked_nodes_of_each_graph() -> None:
    x = torch.tensor([[1.0, -1.0], [3.0, -5.0], [2.0, 0.0]], requires_grad=True)
    batch = torch.tensor([0, 0, 2])
    pooled = pool_marked(x, torch.tensor([False, True, True]), batch, 3)
    assert pooled.tolist() == [[3.0, -5.0], [0.0, 0.0], [2.0, 0.0]]
    pooled.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]]


def test_the_readout_pools_what_each_node_says_for_itself() -> None:
    torch.manual_seed(0)
    readout = GraphReadout(4, 3, 2, is_asked=True).double()
    low, high = torch.randn(5, 4, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    levels = [(low, torch.tensor([0, 0, 1, 1, 1])), (high, torch.tensor([0, 0, 1]))]
    asked = torch.tensor([True, False, False, True, False])
    logits = readout(levels, 2, asked)
    assert logits.shape == (2, 3)
    said = [one.map(one.norm(x)).clamp(min=0) for one, (x, _) in zip(readout.evidence, levels, strict=True)]
    for graph, (a, b, query) in enumerate((([0, 1], [0, 1], 0), ([2, 3, 4], [2], 3))):
        pooled = [part for said, at in zip(said, (a, b), strict=True) for part in (said[at].mean(0), said[at].amax(0))]
        torch.testing.assert_close(readout.head(torch.cat((*pooled, low[query]))), logits[graph])
    nobody = torch.zeros(10, dtype=torch.bool)
    twice = [(x.repeat_interleave(2, 0), batch.repeat_interleave(2)) for x, batch in levels]
    torch.testing.assert_close(readout(twice, 2, nobody), readout(levels, 2, nobody[:5]))  # size alone says nothing


def test_the_softmax_of_each_group() -> None:
    score = torch.tensor([800.0, -3.0, 801.0, 2.0, -900.0], dtype=torch.float64, requires_grad=True)
    group = torch.tensor([2, 0, 2, 0, 3])  # in any order, and none of the second
    weight = softmax_within(score, group, 4)
    for number in (0, 2, 3):
        torch.testing.assert_close(weight[group == number], score[group == number].softmax(0))
    assert torch.autograd.gradcheck(lambda score: softmax_within(score, group, 4), score)


def attending(*, is_asked: bool, num_levels: int = 2) -> GraphReadout:
    torch.manual_seed(1)
    return GraphReadout(4, 3, num_levels, is_asked=is_asked, pooling="attention").double()


def attended(readout: GraphReadout, levels: list[tuple[torch.Tensor, torch.Tensor]], asked: list[list[int]]) -> list:
    """The logits graph by graph and node by node; of each graph the nodes that are asked about."""
    (low, _), found = levels[0], []
    for graph, mine in enumerate(asked):
        query, pooled = readout.query, []
        if readout.ask is not None:
            query = readout.ask(low[mine].mean(0) if mine else torch.zeros(4, dtype=torch.float64))
        for evidence, (x, batch) in zip(readout.evidence, levels, strict=True):
            nodes = [evidence.norm(one) for one in x[batch == graph]]
            said = torch.stack([evidence.map(one).clamp(min=0) for one in nodes])
            scores = torch.stack([query @ evidence.key(one) / 2 for one in nodes])  # the root of the channels
            pooled += [(said * scores.softmax(0)[:, None]).sum(0), said.amax(0)]
        if readout.ask is not None:
            pooled.append(low[mine].sum(0))
        found.append(readout.head(torch.cat(pooled)))
    return found


@pytest.mark.parametrize("is_asked", [True, False])
def test_attention_weighs_nodes_by_what_is_asked(is_asked: bool) -> None:
    readout, draw = attending(is_asked=is_asked), torch.Generator().manual_seed(0)
    low, high = (torch.randn(size, 4, dtype=torch.float64, generator=draw) for size in (8, 4))
    levels = [(low, torch.tensor([0, 0, 0, 1, 1, 1, 1, 2])), (high, torch.tensor([0, 1, 1, 2]))]
    mine: list[list[int]] = [[1], [3, 5], []]  # the last graph asks about nothing
    asked = torch.zeros(8, dtype=torch.bool)
    asked[[1, 3, 5]] = True
    logits = readout(levels, 3, asked if is_asked else None)
    torch.testing.assert_close(logits, torch.stack(attended(readout, levels, mine)))
    order = torch.tensor([2, 0, 1, 6, 4, 3, 5, 7])
    permuted = [(low[order], levels[0][1]), (high[[0, 2, 1, 3]], levels[1][1])]
    torch.testing.assert_close(readout(permuted, 3, asked[order] if is_asked else None), logits)
    for evidence, (x, batch) in zip(readout.evidence, levels, strict=True):
        query = torch.randn(3, 4, dtype=torch.float64, generator=draw)
        weight = evidence.attention(evidence.norm(x), batch, query)  # type: ignore[operator]
        assert weight.std() > 0.01
        torch.testing.assert_close(torch.zeros(3).double().index_add(0, batch, weight), torch.ones(3).double())
    logits.square().sum().backward()
    for name, parameter in readout.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_only_attention_has_more_weights() -> None:
    mean, attention = (one.state_dict().keys() for one in (GraphReadout(4, 3, 2), attending(is_asked=False)))
    assert mean < attention
    assert attention - mean == {"query", "evidence.0.key.weight", "evidence.1.key.weight"}


def test_a_readout_wants_every_level() -> None:
    with pytest.raises(ValueError, match="zip"):
        GraphReadout(4, 3, 2)([(torch.randn(5, 4), torch.zeros(5, dtype=torch.long))], 1)
