"""Residual layers: each adds its update, with a mask of its own, and can be computed again."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch

from nsm.nn import DropoutKey, RelationalGraph, ResidualLayer, ResidualStack
from tests.nn.odd_graphs import NUM_RELATIONS, odd_batch


def stack(dropout: float, *, recompute: bool = False) -> tuple[ResidualStack, torch.Tensor, RelationalGraph]:
    torch.manual_seed(0)
    data = odd_batch(torch.float64)
    ones = torch.ones(data.num_edges, dtype=torch.float64)
    graph = RelationalGraph(data.edge_index, data.edge_type, data.edge_weight, ones, data.num_nodes, NUM_RELATIONS)
    key = DropoutKey(seed=3, step=5)
    layers = [ResidualLayer(8, graph.num_message_relations, dropout, place, key) for place in range(3)]
    x = torch.randn(data.num_nodes, 8, dtype=torch.float64, requires_grad=True)
    return ResidualStack(layers, recompute=recompute).double(), x, graph


@pytest.mark.parametrize("training", [True, False])
def test_each_layer_adds_its_update(training: bool) -> None:
    layers, x, graph = stack(0.4)
    expected: torch.Tensor = x
    for layer in layers.train(training):
        assert isinstance(layer, ResidualLayer)
        update = layer(expected, graph.messages)
        added = layer.added(graph, expected) - expected
        keep = added != 0
        assert (keep.double().mean() < 0.7) == training
        torch.testing.assert_close(added, update * keep / 0.6 if training else update)
        expected = expected + added
    torch.testing.assert_close(layers(x, graph), expected)


def test_every_layer_has_a_mask_of_its_own() -> None:
    layers, x, graph = stack(0.4)
    masks = [layer.drop(torch.ones_like(x)) for layer in layers]  # type: ignore[operator]
    assert not any(torch.equal(one, other) for one, other in combinations(masks, 2))
    torch.testing.assert_close(layers(x, graph), layers(x, graph), rtol=0, atol=0)


def test_what_is_computed_again_has_the_same_gradients() -> None:
    found = []
    for recompute in (False, True):
        layers, x, graph = stack(0.4, recompute=recompute)
        layers(x, graph).square().sum().backward()
        assert x.grad is not None
        found.append([x.grad, *(weight.grad for weight in layers.parameters())])
    for kept, again in zip(*found, strict=True):
        assert kept is not None and again is not None
        assert kept.abs().sum() > 0
        torch.testing.assert_close(kept, again, rtol=0, atol=0)


def test_without_layers_nothing_changes() -> None:
    _, x, graph = stack(0.0)
    assert ResidualStack([])(x, graph) is x
