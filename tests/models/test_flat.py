"""The flat baseline has the hierarchy's interface."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch

from nsm.models import FlatRelational, compute_loss
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, SHAPES, odd_batch, odd_graph, permuted


def model(dropout: float = 0.0, query_role: int | None = None) -> FlatRelational:
    torch.manual_seed(0)
    sizes = (IN_CHANNELS, NUM_RELATIONS, 2)
    return FlatRelational(*sizes, channels=16, num_layers=3, dropout=dropout, query_role=query_role).double()


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


@pytest.mark.parametrize("training", [True, False])
def test_adds_layer_by_layer_and_reads_the_nodes_that_are_asked_about(training: bool) -> None:
    flat, batch = model(dropout=0.3, query_role=1).train(training), odd_batch(torch.float64)
    batch.role = torch.arange(batch.num_nodes) % 3
    level = flat.encoder(batch)
    x = level.x
    for layer, dropout in zip(flat.layers, flat.dropouts, strict=True):
        x = x + dropout(layer(x, level.graph.messages))
    expected = flat.readout([(x, level.batch)], level.num_graphs, batch.role == 1)
    torch.testing.assert_close(flat(batch).logits, expected)


def test_dropout_is_of_each_layer_step_and_part_of_the_training() -> None:
    flat, batch, ones = model(dropout=0.3), odd_batch(torch.float64), torch.ones(4, 16)
    masks = [dropout(ones) for dropout in flat.dropouts]
    found = []
    for step, part in ((0, 0), (1, 0), (0, 1)):
        flat.set_step(step, part)
        found.append(flat(batch).logits)
        assert torch.equal(flat(batch).logits, found[-1])
    found.append(flat.eval()(batch).logits)
    assert torch.equal(found[-1], model()(batch).logits)
    for one, other in [*combinations(masks, 2), *combinations(found, 2)]:
        assert not torch.allclose(one, other)
