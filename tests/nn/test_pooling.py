"""Pooling of node features into one vector per graph."""

from __future__ import annotations

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


def test_readout_gives_one_row_per_graph() -> None:
    assert GraphReadout(4, 8, 3)(torch.randn(5, 4)).shape == (5, 3)
