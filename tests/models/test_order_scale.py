"""Positions that are drawn together."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data

from nsm.data.features import sinusoid
from nsm.data.triples import Schema
from nsm.models.order_scale import OrderScale, tell_longest
from nsm.nn import DropoutKey

SCHEMA = Schema("plans", ("fact", "step"), ("none", "goal"), ("next",), ("no", "yes"), ("size",), order_channels=8)
FIRST, END = 4, 12


def plan(steps: int) -> Data:
    """A graph of some steps and of one node without an order."""
    order = torch.tensor([-1, *range(steps)])
    x = torch.cat((torch.rand(steps + 1, FIRST), sinusoid(order, 8), torch.rand(steps + 1, 1)), dim=1)
    return Data(x=x, order=order)


def plans(*steps: int) -> Data:
    torch.manual_seed(0)
    batch = Batch.from_data_list([plan(number) for number in steps])
    batch.index = torch.arange(len(steps))
    return batch


def scaled(data: Data, scale: OrderScale, key: DropoutKey) -> Tensor:
    """The features with what is added to them."""
    found = scale(data, key)
    if found is None:
        return data.x
    at, more = found
    x = data.x.clone()
    x[at, scale.columns] += more
    return x


def spans(data: Data, scale: OrderScale, key: DropoutKey) -> Tensor:
    """The first and the last position of each graph, ``(G, 2)``, read off the angle of the longest wave."""
    waves = scaled(data, scale, key)[:, FIRST:END]
    positions = torch.atan2(waves[:, 3], waves[:, 7]) * 256 / (2 * torch.pi)
    found = [positions[(data.batch == number) & (data.order >= 0)] for number in range(data.num_graphs)]
    return torch.stack([each[[0, -1]] for each in found])


def factors(data: Data, scale: OrderScale, key: DropoutKey) -> list[float]:
    """The factor of each graph."""
    ends = torch.stack([data.order[data.batch == number].max() for number in range(data.num_graphs)])
    return (spans(data, scale, key).diff(dim=1).squeeze(1) / ends).tolist()


def test_a_longer_graph_than_in_training_comes_to_that_length() -> None:
    scale = OrderScale(SCHEMA, 0.5)
    scale(plans(20, 25), DropoutKey())
    assert scale.longest.item() == 24
    scale.eval()
    data = plans(49, 25, 10)
    assert factors(data, scale, DropoutKey()) == pytest.approx([0.5, 1, 1], rel=1e-3)
    found = scaled(data, scale, DropoutKey())
    torch.testing.assert_close(found[1:50, FIRST:END], sinusoid(torch.arange(49) / 2, 8))
    assert torch.equal(found[50:], data.x[50:])  # the others keep their features to the bit
    assert torch.equal(found[0], data.x[0])  # and so does a node without an order
    assert torch.equal(found[:, :FIRST], data.x[:, :FIRST])
    assert torch.equal(found[:, END:], data.x[:, END:])


def test_half_of_the_training_graphs_are_drawn_together() -> None:
    data, scale = plans(*[21] * 400), OrderScale(SCHEMA, 0.4)
    found = torch.tensor(factors(data, scale, DropoutKey()))
    less = found[found < 0.999]
    assert 160 < less.numel() < 240
    assert 0.4 <= less.min() < 0.45
    assert less.mean().item() == pytest.approx(0.7, abs=0.04)


def test_they_are_moved_within_their_span() -> None:
    data, scale = plans(*[21] * 400), OrderScale(SCHEMA, 0.4)
    first, last = spans(data, scale, DropoutKey()).t()
    assert -1e-3 < first.min() < 0.2 < 20 * 0.4 < first.max() < 20 * 0.6
    assert 20 * 0.4 < last.min() < 20 * 0.6 < 19.8 < last.max() < 20 + 1e-3
    room = (20 - (last - first)).clamp(min=1e-3)
    share = (first / room)[room > 1]
    assert share.mean().item() == pytest.approx(0.5, abs=0.08)
    assert share.std().item() == pytest.approx(12**-0.5, abs=0.05)
    scale.eval()
    assert spans(data, scale, DropoutKey())[:, 0].abs().max() < 1e-3


def test_the_draw_is_of_seed_step_and_graph_alone() -> None:
    data, scale = plans(12, 15, 18, 11, 16), OrderScale(SCHEMA, 0.5)
    whole = scaled(data, scale, DropoutKey(3, 7))
    assert torch.equal(scaled(data, scale, DropoutKey(3, 7, part=5)), whole)
    alone = Batch.from_data_list(data.to_data_list()[2:4])
    alone.index = torch.tensor([2, 3])
    mine = (data.batch >= 2) & (data.batch < 4)
    assert torch.equal(scaled(alone, scale, DropoutKey(3, 7)), whole[mine])
    assert not torch.equal(scaled(data, scale, DropoutKey(3, 8)), whole)
    assert not torch.equal(scaled(data, scale, DropoutKey(4, 7)), whole)


def test_a_network_that_was_never_trained_scales_nothing() -> None:
    data, scale = plans(40), OrderScale(SCHEMA, 0.5).eval()
    assert torch.equal(scaled(data, scale, DropoutKey()), data.x)


def test_what_was_longest_is_saved() -> None:
    scale = OrderScale(SCHEMA, 0.5)
    scale(plans(30), DropoutKey())
    other = OrderScale(SCHEMA, 0.5)
    other.load_state_dict(scale.state_dict())
    assert other.longest.item() == 29


def test_what_is_longest_can_be_told() -> None:
    scale = OrderScale(SCHEMA, 0.5)
    tell_longest(nn.Sequential(scale, nn.Linear(2, 2)), 24)
    assert scale.longest.item() == 24
    tell_longest(scale, 9)  # nothing is forgotten
    assert scale.longest.item() == 24
    assert factors(plans(49), scale.eval(), DropoutKey()) == pytest.approx([0.5], rel=1e-3)


def test_a_single_graph_and_one_without_an_order() -> None:
    scale = OrderScale(SCHEMA, 0.5)
    one = plan(9)
    assert scaled(one, scale, DropoutKey()).shape == one.x.shape
    assert scale(Data(x=one.x), DropoutKey()) is None


def test_positions_are_encoded_where_they_are() -> None:
    assert sinusoid(torch.zeros(4, device="meta"), 8).is_meta  # on a GPU as well, where nothing may be made elsewhere


@pytest.mark.parametrize("least", [0.0, 1.0, -1.0])
def test_a_factor_out_of_range(least: float) -> None:
    with pytest.raises(ValueError, match="least factor"):
        OrderScale(SCHEMA, least)
