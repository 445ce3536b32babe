"""Reversible blocks: exact inverse and gradients, keyed dropout included."""

from __future__ import annotations

import pytest
import torch

from nsm.nn import DropoutKey, RelationalGraph, ReversibleBlock, ReversibleStack
from tests.nn.odd_graphs import NUM_RELATIONS, odd_batch


def stack(dropout: float, key: DropoutKey) -> tuple[ReversibleStack, torch.Tensor, RelationalGraph]:
    torch.manual_seed(0)
    data = odd_batch(torch.float64)
    ones = torch.ones(data.num_edges, dtype=torch.float64)
    graph = RelationalGraph(data.edge_index, data.edge_type, data.edge_weight, ones, data.num_nodes, NUM_RELATIONS)
    blocks = [ReversibleBlock(8, graph.num_message_relations, dropout, place, key) for place in range(4)]
    return ReversibleStack(blocks).double(), torch.randn(data.num_nodes, 8, dtype=torch.float64), graph


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("training", [True, False])
def test_inverse_is_exact(dropout: float, training: bool) -> None:
    layers, x, graph = stack(dropout, DropoutKey(seed=3, step=5))
    layers.train(training)
    torch.testing.assert_close(layers.inverse(layers(x, graph), graph), x, rtol=1e-12, atol=1e-12)


def test_the_mask_depends_on_step_and_seed_and_on_nothing_else() -> None:
    key = DropoutKey(seed=3, step=5)
    layers, x, graph = stack(0.4, key)
    first = layers(x, graph)
    torch.rand(10)  # the global generator plays no part
    torch.testing.assert_close(layers(x, graph), first, rtol=0, atol=0)
    key.step = 6
    assert not torch.equal(layers(x, graph), first)
    key.step, key.seed = 5, 4
    assert not torch.equal(layers(x, graph), first)


def test_every_update_has_a_mask_of_its_own_and_what_it_keeps_is_scaled_up() -> None:
    key, masks = DropoutKey(seed=3, step=5), []
    layers, x, graph = stack(0.4, key)
    before = x.chunk(2, dim=1)
    for part in (0, 1):
        key.part = part
        for block in layers.blocks:
            assert isinstance(block, ReversibleBlock)
            after = block(*before, graph)
            updates = block.f(before[1], graph.messages), block.g(after[0], graph.messages)
            for update, new, old in zip(updates, after, before, strict=True):
                keep = new != old
                torch.testing.assert_close(new - old, update * keep / 0.6)
                assert 0.5 < keep.double().mean() < 0.7
                masks.append(tuple(keep.flatten().tolist()))
    assert len(masks) == len(set(masks)) == 16


def test_gradients_of_a_block_in_float64() -> None:
    layers, x, graph = stack(0.4, DropoutKey(seed=3, step=5))
    block, halves = layers.blocks[0], [half.clone().requires_grad_() for half in x.chunk(2, dim=1)]
    inputs = (*halves, *block.parameters())
    assert torch.autograd.gradcheck(lambda a, b, *_: block(a, b, graph), inputs, fast_mode=True)


def test_odd_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        ReversibleBlock(7, 6, 0.0, 0, DropoutKey())
