"""The second witness: plain code on the stored graph, which agrees with right labels and with nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nsm.config import CausalConfig
from nsm.data.causal.confirm import StoredGraph, confirmed_share, replay, stored_graphs
from nsm.data.causal.graphs import CAUSAL_SCHEMA
from nsm.data.causal.source import CausalSource, Shard
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Sample
from nsm.data.writing import write_packed

RUNGS = ("association", "intervention", "counterfactual")


def packed(folder: Path, samples: list[Sample]) -> PackedGraphs:
    write_packed(folder, CAUSAL_SCHEMA, [replace(one, info={**one.info, "split": "test"}) for one in samples])
    return PackedGraphs.open(folder)


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    source = CausalSource(CausalConfig(max_variables=8, hidden_share=0.5), 1)
    return [sample for rung in RUNGS for sample in source.make(Shard(rung, 0, 5))]


def test_every_label_is_confirmed_and_a_wrong_one_is_not(tmp_path: Path, samples: list[Sample]) -> None:
    assert confirmed_share(packed(tmp_path / "right", samples)) == 1.0
    for wrong in (0, 12, -1):
        changed = [*samples]
        changed[wrong] = replace(samples[wrong], label=1 - samples[wrong].label)
        share = confirmed_share(packed(tmp_path / str(wrong), changed))
        assert share == pytest.approx(1 - 1 / len(samples))


def test_an_observation_that_the_noise_does_not_give_is_noticed(tmp_path: Path, samples: list[Sample]) -> None:
    values = list(CAUSAL_SCHEMA.values)
    zero, one = values.index("observed 0"), values.index("observed 1")
    lying = samples[0].value.copy()
    lying[:, [zero, one]] = lying[:, [one, zero]]
    assert confirmed_share(packed(tmp_path, [replace(samples[0], value=lying), *samples[1:]])) < 1.0


def test_stored_graphs_in_words(tmp_path: Path, samples: list[Sample]) -> None:
    graphs = packed(tmp_path, samples)
    stored = stored_graphs(graphs, [3, 0])
    assert len(stored) == 2
    for graph, sample in zip(stored, (graphs.sample(3), graphs.sample(0)), strict=True):
        assert graph.kinds == [CAUSAL_SCHEMA.node_types[kind] for kind in sample.node_type]
        assert {(h, t) for h, _, t, _ in graph.triples} == set(
            zip(sample.head.tolist(), sample.tail.tolist(), strict=True)
        )
        assert [list(row.values()) for row in graph.features] == sample.value.tolist()


def chain(rung: str, observed: dict[int, int], fixed: dict[int, int]) -> StoredGraph:
    """0 promotes 1, which inhibits 2, the query; all noisy-or but the last, which is noisy-and-not."""
    rows = []
    for v in range(3):
        row = dict.fromkeys(CAUSAL_SCHEMA.values, 0.0)
        row |= {rung: 1.0, **{f"observed {value}": 1.0 for u, value in observed.items() if u == v}}
        rows.append(row | {f"set to {value}": 1.0 for u, value in fixed.items() if u == v})
    kinds = ["noisy_or", "noisy_or", "noisy_and_not"]
    return StoredGraph(kinds, ["none", "none", "query"], rows, [(0, "promotes", 1, 0.9), (1, "inhibits", 2, 0.8)])


NOISE = {"leaks": [1, 0, 1], "flips": [0, 0, 0], "transmits": [[0, 1], [1, 2]]}


def test_noise_by_hand() -> None:
    assert replay(chain("association", {0: 1, 1: 1}, {}), NOISE) == "0"
    assert replay(chain("association", {1: 0}, {}), NOISE) is None
    assert replay(chain("intervention", {}, {1: 0}), NOISE) == "1"
    assert replay(chain("intervention", {1: 0}, {0: 0}), NOISE) == "1", "observed after the intervention"
    assert replay(chain("counterfactual", {0: 1, 2: 0}, {0: 0}), NOISE) == "1"
    assert replay(chain("counterfactual", {2: 1}, {0: 0}), NOISE) is None
    assert replay(chain("association", {}, {}), {**NOISE, "flips": [0, 0, 1]}) == "1"


def test_an_undrawn_cause_takes_part() -> None:
    effect = {"node": 2, "relation": "inhibits", "strength": 0.5, "transmits": 1}
    quiet = {**NOISE, "leaks": [0, 0, 1]}
    assert replay(chain("association", {}, {}), quiet) == "1"
    assert replay(chain("association", {}, {}), {**quiet, "undrawn": {"value": 1, "effects": [effect]}}) == "0"
    assert replay(chain("association", {}, {}), {**quiet, "undrawn": {"value": 0, "effects": [effect]}}) == "1"


def test_sources_are_readable(samples: list[Sample]) -> None:
    for sample in samples:
        noise = json.loads(sample.source)
        assert len(noise["leaks"]) == len(noise["flips"]) == sample.num_nodes
        pairs = set(map(tuple, noise["transmits"]))
        assert pairs <= set(zip(sample.head.tolist(), sample.tail.tolist(), strict=True))
    assert np.mean([bool(json.loads(sample.source).get("undrawn")) for sample in samples]) < 1
