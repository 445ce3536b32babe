"""Relational convolution against the formula written out edge by edge, and by gradient check."""

from __future__ import annotations

import pytest
import torch

from nsm.nn import RelationalConv, RelationalGraph
from nsm.nn.conv import multiply
from nsm.nn.graph import messages_between
from nsm.nn.slots import PADDING
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, odd_batch, second_gradient


@pytest.fixture(autouse=True, params=[-(10**9), PADDING], ids=["as many slots as needed", "some empty slots"])
def padding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without empty slots, which make the products of all relations as large."""
    monkeypatch.setattr("nsm.nn.slots.PADDING", request.param)


def graph_of(
    norm: str, dtype: torch.dtype = torch.float64, halve: bool = False
) -> tuple[torch.Tensor, RelationalGraph]:
    data = odd_batch(dtype)
    weight = data.edge_weight * (0.5 if halve else 1.0)
    multiplicity = torch.arange(1, weight.numel() + 1, dtype=dtype) % 3 + 1
    graph = RelationalGraph(data.edge_index, data.edge_type, weight, multiplicity, data.num_nodes, NUM_RELATIONS, norm)
    return data.x, graph


def by_the_formula(conv: RelationalConv, x: torch.Tensor, graph: RelationalGraph) -> torch.Tensor:
    triples = []
    for e, (head, tail) in enumerate(graph.edge_index.t().tolist()):
        r = int(graph.edge_type[e])
        triples += [(head, r, tail, e), (tail, r + NUM_RELATIONS, head, e)]
    count: dict[tuple[int, int], float] = {}
    for _, r, v, e in triples:
        count[v, r] = count.get((v, r), 0.0) + graph.multiplicity[e].item()
    out = torch.zeros(graph.num_nodes, conv.weight.shape[2], dtype=x.dtype)
    for u, r, v, e in triples:
        divisor = {"sum": 1.0, "mean": count[v, r], "sqrt": count[v, r] ** 0.5}[graph.norm]
        out[v] += graph.edge_weight[e] * graph.multiplicity[e] / divisor * (x[u] @ conv.weight[r])
    return out


@pytest.mark.parametrize("norm", ["sum", "mean", "sqrt"])
def test_convolution_equals_the_formula(norm: str) -> None:
    x, graph = graph_of(norm)
    conv = RelationalConv(IN_CHANNELS, 4, graph.num_message_relations).double()
    torch.testing.assert_close(conv(x, graph.messages), by_the_formula(conv, x, graph))


def test_gradients_in_float64() -> None:
    x, graph = graph_of("sqrt")
    conv = RelationalConv(IN_CHANNELS, 3, graph.num_message_relations).double()
    x.requires_grad_()
    weight = conv.weight.detach().clone().requires_grad_()

    def run(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(conv, {"weight": weight}, (x, graph.messages))

    assert torch.autograd.gradcheck(run, (x, weight), fast_mode=True)


@pytest.mark.parametrize("is_outer", [False, True])
def test_factors_in_half_precision_and_sums_in_single(is_outer: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    ends = torch.tensor([3, 3, 50], dtype=torch.int32)
    a, c = (torch.randn(50, 8, generator=generator) for _ in range(2))
    b = torch.randn(3, 8, 8, generator=generator)
    left, right = (a.t(), c) if is_outer else (a, b)
    found = multiply(left, right, ends, torch.bfloat16)
    expected = multiply(left.bfloat16().double(), right.bfloat16().double(), ends)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found, multiply(left, right, ends), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("is_outer", [False, True])
def test_products_of_one_size_are_those_of_any(is_outer: bool) -> None:
    a, c = torch.randn(2, 15, 8).unbind()
    b = torch.randn(3, 8, 8)
    factors = (a.t(), c) if is_outer else (a, b)
    ends = torch.tensor([5, 10, 15], dtype=torch.int32)
    torch.testing.assert_close(multiply(*factors, ends, width=5), multiply(*factors, ends))
    low = torch.bfloat16
    torch.testing.assert_close(multiply(*factors, ends, low, 5), multiply(*factors, ends, low))


@pytest.mark.parametrize("norm", ["sum", "mean", "sqrt"])
def test_confidence_is_a_strength_not_a_normalised_weight(norm: str) -> None:
    x, graph = graph_of(norm)
    _, half = graph_of(norm, halve=True)
    conv = RelationalConv(IN_CHANNELS, 4, graph.num_message_relations).double()
    torch.testing.assert_close(conv(x, half.messages), 0.5 * conv(x, graph.messages))


def test_messages_between_two_sets_of_nodes_are_the_full_ones_restricted() -> None:
    x, graph = graph_of("sum")
    conv = RelationalConv(IN_CHANNELS, 4, graph.num_message_relations).double()
    is_first = torch.arange(graph.num_nodes) % 3 != 0
    sides = is_first, ~is_first
    nodes = [side.nonzero().squeeze(1) for side in sides]
    index = torch.empty(graph.num_nodes, dtype=torch.long)
    for numbers in nodes:
        index[numbers] = torch.arange(numbers.numel())
    sizes = nodes[0].numel(), nodes[1].numel()
    between = messages_between(graph.host, index.numpy(), is_first.numpy(), sizes, graph.num_relations, graph.norm)
    ways = between.each_way(x.device)
    for slots, source, target in zip(ways, (0, 1), (1, 0), strict=True):
        part = conv(x[nodes[source]], slots)
        torch.testing.assert_close(part, conv(x * sides[source].unsqueeze(1), graph.messages)[nodes[target]])


@pytest.mark.parametrize("is_outer", [False, True])
def test_products_of_no_rows(is_outer: bool) -> None:
    none, ends = torch.zeros(0, 8), torch.zeros(3, dtype=torch.int32)
    factors = (none.t(), none) if is_outer else (none, torch.randn(3, 8, 8))
    found = multiply(*factors, ends)
    assert found.shape == ((3, 8, 8) if is_outer else (0, 8))
    assert not found.any()


def test_a_second_derivative_is_refused_and_not_left_out() -> None:
    x, graph = graph_of("sum")
    conv = RelationalConv(IN_CHANNELS, 4, graph.num_message_relations).double()
    with pytest.raises(RuntimeError, match="differentiate twice"):
        second_gradient(conv(x.requires_grad_(), graph.messages), x)
