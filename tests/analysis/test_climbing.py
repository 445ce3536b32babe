"""The way of one graph is that of the model: who stays, who leads, what is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm.analysis.climbing import climb
from nsm.data.packed import PackedGraphs
from nsm.models import Hierarchy, reconstruction_error
from tests.analysis.toy_models import named_graphs, toy_model


@pytest.fixture
def graphs(tmp_path: Path) -> PackedGraphs:
    return named_graphs(tmp_path / "graphs")


@pytest.mark.parametrize("num_levels", [2, 3, 6])
def test_levels_nest_and_every_node_is_led(graphs: PackedGraphs, num_levels: int) -> None:
    found = climb(toy_model(num_levels), graphs, 4)
    assert len(found.levels) == num_levels
    for lower, upper in zip(found.levels, found.levels[1:], strict=False):
        assert upper.nodes.tolist() == lower.kept.tolist()
        assert set(lower.leaders.tolist()) <= set(upper.nodes.tolist())
        neighbours = set(map(tuple, np.hstack([lower.edges, lower.edges[::-1]]).T.tolist()))
        for node, leader in zip(lower.nodes.tolist(), lower.leaders.tolist(), strict=True):
            assert node == leader or (node, leader) in neighbours
    assert found.levels[0].nodes.tolist() == list(range(graphs.sample(4).num_nodes))
    assert set(found.clusters.tolist()) == set(found.levels[-1].nodes.tolist())


def test_edges_go_to_the_leaders(graphs: PackedGraphs) -> None:
    lower, upper = climb(toy_model(2), graphs, 1).levels
    leader = dict(zip(lower.nodes.tolist(), lower.leaders.tolist(), strict=True))
    moved = {(leader[h], leader[t]) for h, t in lower.edges.T.tolist() if leader[h] != leader[t]}
    assert set(map(tuple, upper.edges.T.tolist())) == moved
    inside = sum(leader[h] == leader[t] for h, t in lower.edges.T.tolist())
    assert upper.multiplicity.sum() == lower.edges.shape[1] - inside


def test_errors_add_up_to_those_of_the_graph(graphs: PackedGraphs) -> None:
    model = toy_model(3)
    assert isinstance(model, Hierarchy)
    found = climb(model, graphs, 7)
    errors = model.level_errors(graphs.batch([7])).abstract
    for level, error in zip(found.levels, errors, strict=False):
        assert np.sqrt(np.square(level.error).mean()) == pytest.approx(float(error), rel=1e-3)
        assert level.exact.max() < 1e-4 < level.error.max()
    assert found.levels[-1].error.max() == 0
    assert reconstruction_error(*(graphs.batch([7]).x,) * 2, graphs.batch([7]).batch, 1).item() < 1e-4


def test_a_flat_network_has_nothing_to_climb(graphs: PackedGraphs) -> None:
    with pytest.raises(ValueError, match="expected a hierarchy"):
        climb(toy_model(model="flat"), graphs, 0)
