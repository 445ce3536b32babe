"""The probe next to the query: it sees direct causes and effects, nothing further, and fails no data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm.config import CausalConfig
from nsm.data.build import build_dataset
from nsm.data.causal.local_probe import local_probes, neighbour_features
from nsm.data.causal.source import CausalSource
from nsm.data.packed import PackedGraphs


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> PackedGraphs:
    source = CausalSource(CausalConfig(graphs=1200), 0)
    return build_dataset(source, tmp_path_factory.mktemp("data"))


def test_twins_that_differ_further_away_look_the_same_to_it(graphs: PackedGraphs) -> None:
    rows = neighbour_features(graphs)
    reach, pairs = (np.array(graphs.table[name].to_pylist()) for name in ("reach", "pair"))
    is_alike = {"far": [], "near": []}
    for pair in np.unique(pairs):
        one, other = np.flatnonzero(pairs == pair)
        is_alike[reach[one]].append(np.allclose(rows[one], rows[other], atol=1e-5))
    assert all(is_alike["far"])
    assert np.mean(is_alike["near"]) < 0.1


def test_it_is_as_good_as_chance_where_twins_differ_further_away_only(graphs: PackedGraphs) -> None:
    scores = {score.feature: score for score in local_probes(graphs)}
    assert scores.keys() == {"", "association", "intervention", "counterfactual", "far", "near"}
    assert scores["near"].accuracy > 0.75
    assert scores["far"].low < 0.02
    assert not any(score.judged for score in scores.values())
    assert scores[""].features == neighbour_features(graphs).shape[1]


def test_a_network_has_no_column_of_reach(tmp_path: Path) -> None:
    from nsm.data.causal.network_source import NetworkSource
    from tests.data.causal.networks_by_hand import write

    source = NetworkSource(CausalConfig(graphs=400), write(tmp_path), 0)
    scores = local_probes(build_dataset(source, tmp_path / "data"))
    assert {score.feature for score in scores} == {"", "association", "intervention"}
