"""The flat baseline has the hierarchy's interface."""

from __future__ import annotations

import torch

from nsm.models import FlatRelational, compute_loss
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, SHAPES, odd_batch, odd_graph, permuted


def model() -> FlatRelational:
    torch.manual_seed(0)
    return FlatRelational(IN_CHANNELS, NUM_RELATIONS, 2, channels=16, num_layers=3).double()


def test_same_interface_nothing_reconstructed() -> None:
    batch = odd_batch(torch.float64)
    logits, reconstructed = model()(batch)
    assert logits.shape == (batch.num_graphs, 2)
    assert reconstructed is None


def test_every_parameter_has_a_gradient() -> None:
    flat, batch = model(), odd_batch(torch.float64)
    compute_loss(flat(batch), batch).total.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in flat.parameters())


def test_batch_and_order_change_nothing() -> None:
    flat = model()
    alone = torch.cat([flat(odd_graph(name, torch.float64)).logits for name in SHAPES])
    torch.testing.assert_close(flat(odd_batch(torch.float64)).logits, alone)
    data = odd_graph("components", torch.float64)
    order = torch.randperm(data.num_nodes, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(flat(permuted(data, order)).logits, flat(data).logits)
