"""What comes back from the stored graphs alone: the same whatever the top's nodes are, but for their mean."""

from __future__ import annotations

import pytest
import torch

from nsm.models import Hierarchy
from nsm.models.control import structure_alone
from nsm.models.hierarchy import Ascent
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, odd_batch


def hierarchy(num_levels: int = 3) -> Hierarchy:
    torch.manual_seed(0)
    return Hierarchy(IN_CHANNELS, NUM_RELATIONS, 2, channels=16, blocks=(1,) * num_levels).double().eval()


def test_the_nodes_of_the_top_do_not_matter_but_for_their_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = hierarchy(), odd_batch(torch.float64)
    before, _ = structure_alone(model, batch)
    climb = model.why

    def mirrored(encoded: object) -> Ascent:
        """The top's nodes of each graph on the other side of their mean."""
        ascent = climb(encoded)  # type: ignore[arg-type]
        for graph in range(batch.num_graphs):
            mine = ascent.plans[-1].batch == graph
            ascent.entry[mine] = 2 * ascent.entry[mine].mean(0) - ascent.entry[mine]
        return ascent

    monkeypatch.setattr(model, "why", mirrored)
    torch.testing.assert_close(structure_alone(model, batch)[0], before)
    output = model(batch)
    assert output.reconstructed is not None
    assert (output.reconstructed - before).norm() > 0.01 * before.norm()  # to which they do matter


def test_it_is_the_way_back_from_equal_nodes() -> None:
    model, batch = hierarchy(), odd_batch(torch.float64)
    with torch.no_grad():
        ascent = model.why(model.encoder(batch))
        top = ascent.plans[-1].batch
        for graph in range(batch.num_graphs):
            ascent.entry[top == graph] = ascent.entry[top == graph].mean(0)
        *_, down = model.descent(ascent, use_details=False, from_entry=True)
        expected = model.levels[0].inverse(down, ascent.graphs[0])  # type: ignore[operator]
    states, share = structure_alone(model, batch)
    torch.testing.assert_close(states, expected)
    nodes, kept = (torch.bincount(of, minlength=batch.num_graphs) for of in (batch.batch, top))
    torch.testing.assert_close(share, kept / nodes)


def test_one_level_is_all_top() -> None:
    states, share = structure_alone(hierarchy(1), odd_batch(torch.float64))
    batch = odd_batch(torch.float64).batch
    assert (share == 1).all()
    first = states[batch == batch[-1]]
    torch.testing.assert_close(first, first[:1].expand_as(first))
