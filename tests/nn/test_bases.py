"""Basis decomposition against the convolution with the mixed weights, and which convolutions of a model get it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nsm.nn import (
    BasisConv,
    DropoutKey,
    RelationalConv,
    RelationalGraph,
    RelationalUpdate,
    ReversibleBlock,
    ReversibleStack,
    share_bases,
)
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, odd_batch

RELATIONS = 2 * NUM_RELATIONS


def graph_of(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, RelationalGraph]:
    data = odd_batch(dtype)
    columns = (data.edge_index, data.edge_type, data.edge_weight, torch.ones_like(data.edge_weight))
    return data.x, RelationalGraph(*columns, data.num_nodes, NUM_RELATIONS)


def test_a_relation_is_a_mixture_of_the_bases() -> None:
    torch.manual_seed(0)
    conv = BasisConv(3, 5, 7, 2)
    for relation in range(7):
        mixture = sum(conv.share[relation, b] * conv.bases[b] for b in range(2))
        torch.testing.assert_close(conv.weight[relation], mixture)
    assert sorted(dict(conv.named_parameters())) == ["bases", "share"]
    with pytest.raises(ValueError, match="at least 1 basis, got 0"):
        BasisConv(3, 5, 7, 0)


def test_output_and_gradients_are_those_of_the_mixed_weights() -> None:
    x, graph = graph_of()
    torch.manual_seed(0)
    conv, whole = BasisConv(IN_CHANNELS, 4, RELATIONS, 2).double(), RelationalConv(IN_CHANNELS, 4, RELATIONS).double()
    whole.weight.data = conv.weight.detach()
    x.requires_grad_()
    out = conv(x, graph.messages)
    torch.testing.assert_close(out, whole(x, graph.messages))
    by_hand = whole(x, graph.messages).square().sum()
    (of_whole,) = torch.autograd.grad(by_hand, whole.weight)
    share, bases = torch.autograd.grad(out.square().sum(), (conv.share, conv.bases))
    torch.testing.assert_close(share, torch.einsum("rio,bio->rb", of_whole, conv.bases))
    torch.testing.assert_close(bases, torch.einsum("rio,rb->bio", of_whole, conv.share))


def test_mixtures_begin_as_varied_as_weights_of_their_own() -> None:
    torch.manual_seed(0)
    own, mixed = RelationalConv(32, 32, 400).weight.detach(), BasisConv(32, 32, 400, 16).weight.detach()
    assert float(mixed.std()) == pytest.approx(float(own.std()), rel=0.1)


def test_mixed_in_full_precision_under_autocast() -> None:
    conv = BasisConv(8, 8, RELATIONS, 2)
    exact = conv.weight
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(conv.weight, exact)


def test_convolutions_that_have_fewer_parameters_with_bases_get_them() -> None:
    model = nn.ModuleList([RelationalUpdate(4, 4, 4, 3), nn.ModuleList([RelationalUpdate(4, 4, 4, 9)])])
    before = sum(weight.numel() for weight in model.parameters())
    share_bases(model, 0)
    assert sum(weight.numel() for weight in model.parameters()) == before
    share_bases(model, 2)  # of three relations two would save 12 of 48 parameters, less their six shares
    share_bases(model, 8)
    assert all(isinstance(conv, BasisConv) for conv in model.modules() if isinstance(conv, RelationalConv))
    model = nn.ModuleList([RelationalUpdate(4, 4, 4, 3), nn.ModuleList([RelationalUpdate(4, 4, 4, 9)])]).double().eval()
    share_bases(model, 3)
    few, many = (module.conv for module in model.modules() if isinstance(module, RelationalUpdate))
    assert not isinstance(few, BasisConv) and isinstance(many, BasisConv)  # three would be as many as it has
    assert many.bases.dtype == torch.float64 and not many.training
    assert many.weight.shape == (9, 4, 4)
    assert sum(weight.numel() for weight in model.parameters()) == before - 9 * 16 + 3 * 16 + 9 * 3


@pytest.mark.parametrize("recompute", ["checkpoint", "reverse"])
def test_reversible_layers_with_bases_can_be_recomputed(recompute: str) -> None:
    _, graph = graph_of()
    found = []
    for how in ("none", recompute):
        torch.manual_seed(0)
        blocks = [ReversibleBlock(8, RELATIONS, 0.2, place, DropoutKey()) for place in range(2)]
        stack = ReversibleStack(blocks, how)
        share_bases(stack, 2)
        stack.double()
        x = torch.randn(graph.num_nodes, 8, dtype=torch.float64, requires_grad=True)
        stack(x, graph).square().sum().backward()
        grads = [weight.grad for weight in stack.parameters()]
        assert any("bases" in name for name, _ in stack.named_parameters())
        assert all(grad is not None for grad in grads)
        found.append(torch.cat([x.grad.flatten(), *(grad.flatten() for grad in grads if grad is not None)]))  # type: ignore[union-attr]
    torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-9)
