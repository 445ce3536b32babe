"""The graph transformer has the hierarchy's interface, and every node hears from every other of its graph."""

from __future__ import annotations

import pytest
import torch

from nsm.models import compute_loss
from nsm.models.gps import GPS, GlobalAttention
from tests.models.baseline_contract import check_contract, check_recomputation
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, SHAPES, odd_batch


def model(**options: object) -> GPS:
    torch.manual_seed(0)
    return GPS(IN_CHANNELS, NUM_RELATIONS, 2, channels=16, num_layers=2, **options).double()  # type: ignore[arg-type]


def test_the_contract_of_every_model() -> None:
    check_contract(model(), shapes=tuple(SHAPES))


def test_the_nodes_that_are_asked_about_are_read_out() -> None:
    check_contract(model(query_role=1), shapes=tuple(SHAPES))


def test_recomputation_changes_nothing() -> None:
    check_recomputation(lambda recompute: model(recompute=recompute, dropout=0.3))


def test_nodes_attend_to_all_of_their_graph_and_to_no_other() -> None:
    torch.manual_seed(0)
    x, batch = torch.randn(7, 8, dtype=torch.float64), torch.tensor([0, 0, 0, 1, 2, 2, 2])
    for channels in (8, 6):  # four heads, two heads
        attention = GlobalAttention(channels).double()
        found = attention(x[:, :channels], batch, 3)
        changed = x[:, :channels].clone()
        changed[0] += torch.linspace(0, 3, channels)  # a step that normalisation does not undo
        moved = (attention(changed, batch, 3) - found).abs().sum(1) > 1e-9
        assert moved.tolist() == [True, True, True, False, False, False, False]
        inner = attention.attention
        rows = attention.norm(x[4:, :channels])
        alone = torch.nn.functional.multi_head_attention_forward(
            *(rows.unsqueeze(1),) * 3,
            *(channels, inner.num_heads, inner.in_proj_weight, inner.in_proj_bias, None, None, False, 0.0),
            *(inner.out_proj.weight, inner.out_proj.bias),
        )[0].squeeze(1)
        torch.testing.assert_close(found[4:], alone)


def test_dropout_is_a_function_of_the_step() -> None:
    gps, batch = model(dropout=0.5), odd_batch(torch.float64)
    first, again = gps(batch).logits, gps(batch).logits
    gps.set_step(1)
    assert torch.equal(first, again)
    assert not torch.equal(first, gps(batch).logits)
    assert compute_loss(gps(batch), batch).total.isfinite()
    with pytest.raises(ValueError, match="dropout"):
        model(dropout=1.0)


def test_each_update_of_a_layer_is_dropped_by_a_mask_of_its_own() -> None:
    layers = model(dropout=0.5).layers
    places = [one.place for layer in layers for one in layer.dropouts]  # type: ignore[union-attr]
    assert len(set(places)) == len(places) == 6
    layer, edges = layers[0], (torch.zeros(2, 0, dtype=torch.long), torch.zeros(0, dtype=torch.long))
    x, relations = torch.randn(4, 16).double(), torch.randn(2, 16).double()
    whole = (*edges, torch.zeros(0, 1).double(), relations)
    batch = torch.zeros(4, dtype=torch.long)
    expected = layer(whole, batch, 1, x)
    for number in range(3):  # without one of them the outcome is another
        kept, layer.dropouts[number] = layer.dropouts[number], torch.nn.Identity()
        assert not torch.allclose(layer(whole, batch, 1, x), expected)
        layer.dropouts[number] = kept
    torch.testing.assert_close(layer(whole, batch, 1, x), expected)


def test_heads_share_the_channels() -> None:
    with pytest.raises(ValueError, match="channels must be even to be split among heads, got 7"):
        GlobalAttention(7)


@pytest.mark.parametrize("recompute", [False, True])
def test_half_precision(recompute: bool) -> None:
    gps, batch = model(recompute=recompute).float(), odd_batch()
    with torch.autocast("cpu", torch.bfloat16):
        loss = compute_loss(gps(batch), batch).total
    loss.backward()
    assert loss.isfinite() and all(p.grad is not None and p.grad.isfinite().all() for p in gps.parameters())
    torch.testing.assert_close(loss, compute_loss(gps(batch), batch).total, rtol=0.05, atol=0.05)
