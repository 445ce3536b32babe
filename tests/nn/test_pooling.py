"""Pooling of node features into one vector per graph."""

from __future__ import annotations

import pytest
import torch

from nsm.nn import GraphReadout, pool_graphs, pool_marked


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


def test_a_readout_wants_every_level() -> None:
    with pytest.raises(ValueError, match="zip"):
        GraphReadout(4, 3, 2)([(torch.randn(5, 4), torch.zeros(5, dtype=torch.long))], 1)
