"""The second witness of answers about networks: a walk in plain code against full enumeration."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from nsm.config import CausalConfig
from nsm.data.causal.bif import read_bif
from nsm.data.causal.network_confirm import confirmed_network_share, walk
from nsm.data.causal.network_source import NetworkSource
from nsm.data.causal.networks import BayesianNetwork
from nsm.data.causal.source import Shard
from nsm.data.packed import PackedGraphs
from nsm.data.writing import write_packed
from tests.data.causal.networks_by_hand import write


def enumerated(network: BayesianNetwork, values: dict[int, int], setting: dict[int, int]) -> float:
    total = 0.0
    for world in product(*(range(card) for card in network.cards)):
        if all(world[v] == state for v, state in values.items()):
            rows = [network.tables[v][tuple(world[p] for p in network.parents[v])] for v in range(network.size)]
            total += float(np.prod([row[world[v]] for v, row in enumerate(rows) if v not in setting]))
    return total


def test_a_walk_sums_all_worlds(tmp_path: Path) -> None:
    network = read_bif(write(tmp_path))
    for values, setting in [({3: 1}, {}), ({0: 1, 3: 0}, {}), ({2: 1, 3: 1}, {2: 1}), ({1: 0, 2: 0, 3: 1}, {1: 0})]:
        assert walk(network, values, setting) == pytest.approx(enumerated(network, values, setting))
    assert walk(network, {}, {}) == 1.0


def test_right_answers_are_confirmed_and_wrong_ones_are_not(tmp_path: Path) -> None:
    source = NetworkSource(CausalConfig(), write(tmp_path), 0)
    samples = source.make(Shard("intervention", 0, 10)) + source.make(Shard("association", 0, 10))
    samples = [replace(one, info={**one.info, "split": "test"}) for one in samples]
    write_packed(tmp_path / "right", source.schema, samples)
    assert confirmed_network_share(PackedGraphs.open(tmp_path / "right"), source.network) == 1.0
    samples[3] = replace(samples[3], label=1 - samples[3].label)
    write_packed(tmp_path / "wrong", source.schema, samples)
    share = confirmed_network_share(PackedGraphs.open(tmp_path / "wrong"), source.network)
    assert share == pytest.approx(1 - 1 / len(samples))


def test_answers_that_would_take_too_long_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = NetworkSource(CausalConfig(), write(tmp_path), 0)
    samples = source.make(Shard("association", 0, 10))
    write_packed(tmp_path / "packed", source.schema, [replace(one, info={"split": "test"}) for one in samples])
    graphs = PackedGraphs.open(tmp_path / "packed")
    monkeypatch.setattr("nsm.data.causal.network_confirm.MAX_COMBINATIONS", 0)
    assert confirmed_network_share(graphs, source.network) is None
