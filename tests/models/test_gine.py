"""GINE has the hierarchy's interface, and sees relations, directions and confidences."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.nn import GINEConv

from nsm.models import compute_loss
from nsm.models.gine import GINE, GINELayer
from tests.models.baseline_contract import check_contract, check_recomputation
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, SHAPES, odd_batch


def model(**options: object) -> GINE:
    torch.manual_seed(0)
    return GINE(IN_CHANNELS, NUM_RELATIONS, 2, channels=16, num_layers=3, **options).double()  # type: ignore[arg-type]


def test_the_contract_of_every_model() -> None:
    check_contract(model(), shapes=tuple(SHAPES))


def test_the_nodes_that_are_asked_about_are_read_out() -> None:
    check_contract(model(query_role=1), shapes=tuple(SHAPES))


def test_recomputation_changes_nothing() -> None:
    check_recomputation(lambda recompute: model(recompute=recompute, dropout=0.3))


def test_dropout_is_a_function_of_the_step() -> None:
    gine, batch = model(dropout=0.5), odd_batch(torch.float64)
    first, again = gine(batch).logits, gine(batch).logits
    gine.set_step(1)
    assert torch.equal(first, again)
    assert not torch.equal(first, gine(batch).logits)
    assert compute_loss(gine(batch), batch).total.isfinite()
    with pytest.raises(ValueError, match="dropout"):
        model(dropout=1.0)


def test_half_precision() -> None:
    gine, batch = model().float(), odd_batch()
    with torch.autocast("cpu", torch.bfloat16):
        loss = compute_loss(gine(batch), batch).total
    loss.backward()
    assert loss.isfinite() and all(p.grad is not None and p.grad.isfinite().all() for p in gine.parameters())
    torch.testing.assert_close(loss, compute_loss(gine(batch), batch).total, rtol=0.05, atol=0.05)


def test_a_layer_is_pytorch_geometrics_with_the_relation_and_the_confidence_as_features_of_an_edge() -> None:
    torch.manual_seed(0)
    layer, (nodes, edges, relations) = GINELayer(8).double(), (5, 12, 3)
    theirs = GINEConv(layer.conv.nn, train_eps=True, edge_dim=9).double()
    theirs.load_state_dict(layer.conv.state_dict())
    x, table = torch.randn(nodes, 8).double(), torch.randn(relations, 8).double()
    edge_index, edge_type = torch.randint(nodes, (2, edges)), torch.randint(relations, (edges,))
    confidence = torch.rand(edges, 1).double()
    features = torch.cat((table[edge_type], confidence), dim=1)
    expected = theirs(layer.norm(x), edge_index, features)
    torch.testing.assert_close(layer(x, edge_index, edge_type, confidence, table), expected)
