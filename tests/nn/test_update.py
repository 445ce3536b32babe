"""The update against its formula, and the contract of node-wise layers: shapes, order of nodes, batches, state."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional
from torch_geometric.data import Data

from nsm.nn import RelationalGraph, RelationalUpdate
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, SHAPES, odd_batch, odd_graph, permuted, second_gradient
from tests.nn.test_conv import by_the_formula


def graph_of(data: Data) -> RelationalGraph:
    ones = torch.ones(data.num_edges, dtype=data.x.dtype)
    return RelationalGraph(data.edge_index, data.edge_type, data.edge_weight, ones, data.num_nodes, NUM_RELATIONS)


def run(layer: RelationalUpdate, data: Data) -> torch.Tensor:
    out: torch.Tensor = layer(data.x, graph_of(data).messages)
    return out


def layer(seed: int = 0, *, use_root: bool = True) -> RelationalUpdate:
    """An update whose weights are all drawn, those of its layer norm as well."""
    torch.manual_seed(seed)
    update = RelationalUpdate(IN_CHANNELS, 5, 4, 2 * NUM_RELATIONS, use_root=use_root).double()
    for weight in update.norm.parameters():
        weight.data += 0.5 * torch.randn_like(weight)
    return update


def written_out(update: RelationalUpdate, data: Data) -> torch.Tensor:
    normed = functional.layer_norm(data.x, (IN_CHANNELS,), update.norm.weight, update.norm.bias)
    hidden = by_the_formula(update.conv, normed, graph_of(data))
    if update.root is not None:
        hidden = hidden + functional.linear(normed, update.root.weight, update.root.bias)
    return functional.linear(torch.relu(hidden), update.project.weight, update.project.bias)


def gradients(out: torch.Tensor, update: RelationalUpdate, data: Data) -> dict[str, torch.Tensor]:
    """Those of the input and of every weight; no two values of the output count alike."""
    of = {"x": data.x, **dict(update.named_parameters())}
    total = (out * torch.arange(out.numel(), dtype=out.dtype).view_as(out).cos()).sum()
    return dict(zip(of, torch.autograd.grad(total, list(of.values())), strict=True))


@pytest.mark.parametrize("use_root", [True, False])
def test_output_and_every_gradient_are_those_of_the_formula(use_root: bool) -> None:
    update, data = layer(use_root=use_root), odd_batch(torch.float64)
    data.x.requires_grad_()
    found, expected = run(update, data), written_out(update, data)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradients(found, update, data), gradients(expected, update, data))
    assert torch.autograd.gradcheck(lambda *_: run(update, data), (data.x, *update.parameters()), fast_mode=True)


@pytest.mark.parametrize("use_root", [True, False])
def test_gradients_in_mixed_precision_are_nearly_those_in_single(use_root: bool) -> None:
    update, data = layer(use_root=use_root).float(), odd_batch()
    data.x.requires_grad_()
    exact = run(update, data)
    with torch.autocast("cpu", torch.bfloat16):
        out = run(update, data)
    assert not torch.allclose(out, exact, rtol=1e-4, atol=1e-4)
    expected = gradients(exact, update, data)
    for name, gradient in gradients(out, update, data).items():
        assert gradient.dtype == torch.float32, name
        assert (gradient - expected[name]).norm() < 0.03 * expected[name].norm(), name


def test_the_scale_multiplies_the_initial_projection_only() -> None:
    def drawn(scale: float) -> dict[str, torch.nn.Parameter]:
        torch.manual_seed(0)
        return dict(RelationalUpdate(IN_CHANNELS, 5, 4, 2 * NUM_RELATIONS, scale=scale).named_parameters())

    scaled = drawn(0.25)
    for name, weight in drawn(1.0).items():
        assert torch.equal(scaled[name], weight * (0.25 if name == "project.weight" else 1.0)), name


def test_shape_and_a_gradient_on_every_parameter() -> None:
    update, data = layer(), odd_batch(torch.float64)
    out = run(update, data)
    assert out.shape == (data.num_nodes, 4)
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in update.parameters())


def test_equivariant_to_node_order() -> None:
    update, data = layer(), odd_graph("components", torch.float64)
    order = torch.randperm(data.num_nodes, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(run(update, permuted(data, order)), run(update, data)[order])


def test_graphs_of_a_batch_do_not_see_each_other() -> None:
    update, data = layer(), odd_batch(torch.float64)
    alone = torch.cat([run(update, odd_graph(name, torch.float64)) for name in SHAPES])
    torch.testing.assert_close(run(update, data), alone)


def test_state_round_trip() -> None:
    data, first, second = odd_batch(torch.float64), layer(0), layer(1)
    assert not torch.equal(run(first, data), run(second, data))
    second.load_state_dict(first.state_dict())
    assert torch.equal(run(first, data), run(second, data))


def test_a_second_derivative_is_refused_and_not_left_out() -> None:
    data = odd_batch(torch.float64)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        second_gradient(layer()(data.x.requires_grad_(), graph_of(data).messages), data.x)
