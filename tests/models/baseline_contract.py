"""What holds for every baseline that sees the whole graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch_geometric.data import Batch, Data

from nsm.models import compute_loss
from tests.nn.odd_graphs import NUM_RELATIONS, odd_graph, permuted


def marked(name: str) -> Data:
    """An odd graph whose first node is asked about."""
    data = odd_graph(name, torch.float64)
    data.role = (torch.arange(data.num_nodes) == 0).long()
    return data


def logits(model: nn.Module, data: Any) -> torch.Tensor:
    output = model(data)
    assert output.reconstructed is None
    found: torch.Tensor = output.logits
    return found


def check_contract(model: nn.Module, shapes: Sequence[str]) -> None:
    """Interface, gradients, independence of graphs in a batch and of the order of nodes, and what is seen of edges."""
    batch = Batch.from_data_list([marked(name) for name in shapes])
    found = logits(model, batch)
    assert found.shape == (len(shapes), 2)
    torch.testing.assert_close(found, torch.cat([logits(model, marked(name)) for name in shapes]))
    compute_loss(model(batch), batch).total.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters() if p.requires_grad)
    data = marked("components")
    order = torch.randperm(data.num_nodes, generator=torch.Generator().manual_seed(5))
    other = permuted(data, order)
    other.role = data.role[order]
    expected = logits(model, data)
    torch.testing.assert_close(logits(model, other), expected)
    changes = {
        "edge_weight": data.edge_weight / 2,  # a strength, not a share
        "edge_type": (data.edge_type + 1) % NUM_RELATIONS,
        "edge_index": data.edge_index.flip(0),
    }
    for key, value in changes.items():
        changed = marked("components")
        changed[key] = value
        assert not torch.allclose(logits(model, changed), expected), key


def check_recomputation(make: Callable[[bool], nn.Module]) -> None:
    """Loss and gradients are the same to the bit."""
    batch = Batch.from_data_list([marked(name) for name in ("path", "star", "single node")])
    losses, grads = [], []
    for recompute in (False, True):
        model = make(recompute)
        loss = compute_loss(model(batch), batch).total
        loss.backward()
        losses.append(loss.detach())
        grads.append([p.grad for p in model.parameters()])
    assert torch.equal(*losses)
    torch.testing.assert_close(grads[0], grads[1], rtol=0, atol=0)
