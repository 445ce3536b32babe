"""Recomputation: the same result and gradients, with less kept in between."""

from __future__ import annotations

import pytest
import torch

from nsm.nn import DropoutKey, RelationalGraph, ReversibleBlock, ReversibleStack
from nsm.nn.recomputation import recomputed
from tests.nn.odd_graphs import NUM_RELATIONS, odd_batch, second_gradient

Result = tuple[torch.Tensor, list[torch.Tensor | None], int]


def run(recompute: str, *, inverse: bool, num_blocks: int = 4, dtype: torch.dtype = torch.float64) -> Result:
    """Output, gradients of input and weights, and the bytes kept for the backward pass, weights not counted."""
    torch.manual_seed(0)
    data = odd_batch(dtype)
    ones = torch.ones(data.num_edges, dtype=dtype)
    graph = RelationalGraph(data.edge_index, data.edge_type, data.edge_weight, ones, data.num_nodes, NUM_RELATIONS)
    key = DropoutKey(seed=3, step=5)
    blocks = [ReversibleBlock(8, graph.num_message_relations, 0.3, place, key) for place in range(num_blocks)]
    stack = ReversibleStack(blocks, recompute).to(dtype)
    x = torch.randn(data.num_nodes, 8, dtype=dtype, requires_grad=True)
    ignored = {weight.data_ptr() for weight in stack.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.is_floating_point() and tensor.data_ptr() not in ignored:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = (stack.inverse if inverse else stack)(x, graph)
    torch.rand(5)  # the global generator plays no part
    (y * torch.arange(y.numel(), dtype=dtype).view_as(y).cos()).sum().backward()
    return y.detach(), [part.grad for part in (x, *stack.parameters())], sum(kept.values())


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("recompute", ["checkpoint", "reverse"])
def test_output_and_gradients_are_the_same(recompute: str, inverse: bool) -> None:
    (y, grads, _), (again, others, _) = (run(how, inverse=inverse) for how in ("none", recompute))
    assert torch.equal(again, y)
    tolerance = 0.0 if recompute == "checkpoint" else 1e-10
    for one, other in zip(grads, others, strict=True):
        if one is None or other is None:  # a relation that no edge has
            assert (one is None or not one.any()) and (other is None or not other.any())
        else:
            torch.testing.assert_close(other, one, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("inverse", [False, True])
def test_less_is_kept(inverse: bool) -> None:
    none, checkpoint, reverse = (run(how, inverse=inverse)[2] for how in ("none", "checkpoint", "reverse"))
    assert checkpoint < none / 10
    assert reverse < none / 10
    assert run("none", inverse=inverse, num_blocks=8)[2] > 1.5 * none
    assert run("reverse", inverse=inverse, num_blocks=8)[2] == reverse


@pytest.mark.parametrize("recompute", ["none", "checkpoint", "reverse"])
def test_in_mixed_precision_too(recompute: str) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        y, grads, _ = run(recompute, inverse=False, dtype=torch.float32)
    exact, expected, _ = run("none", inverse=False, dtype=torch.float32)
    torch.testing.assert_close(y, exact, rtol=0.1, atol=0.1)
    first, of_x = grads[0], expected[0]
    assert first is not None and of_x is not None
    assert torch.nn.functional.cosine_similarity(first.flatten(), of_x.flatten(), dim=0) > 0.99


def test_without_gradients_nothing_is_different() -> None:
    with torch.no_grad(), pytest.raises(RuntimeError, match="does not require grad"):
        run("reverse", inverse=False)
    x = torch.ones(3, requires_grad=True)
    recomputed(torch.exp, x).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.ones(3).exp())


def test_a_second_derivative_is_refused_and_not_left_out() -> None:
    data = odd_batch(torch.float64)
    ones = torch.ones_like(data.edge_weight)
    graph = RelationalGraph(data.edge_index, data.edge_type, data.edge_weight, ones, data.num_nodes, NUM_RELATIONS)
    key = DropoutKey(seed=3, step=5)
    stack = ReversibleStack([ReversibleBlock(8, graph.num_message_relations, 0.0, 0, key)], "reverse").double()
    x = torch.randn(data.num_nodes, 8, dtype=torch.float64, requires_grad=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        second_gradient(stack(x, graph), x)
