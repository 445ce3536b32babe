"""Counts of a data set, against counting graph by graph."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from nsm.analysis import description as module
from nsm.analysis.description import describe
from nsm.data.packed import PackedGraphs
from tests.data.twin_graphs import packed, twins


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> PackedGraphs:
    samples = twins(30)
    for number, sample in enumerate(samples):
        sample.info["ceiling"] = 0.5 + number / 100
    return packed(tmp_path_factory.mktemp("graphs") / "packed", samples)


def test_counts_are_those_of_the_samples(graphs: PackedGraphs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 7)
    found, schema = describe(graphs), graphs.schema
    samples = [graphs.sample(i) for i in range(len(graphs))]
    assert found.nodes.tolist() == [sample.num_nodes for sample in samples]
    assert found.triples.tolist() == [sample.num_triples for sample in samples]
    relations = Counter(schema.relations[r] for sample in samples for r in sample.relation)
    assert {name: count for name, count in found.relations.items() if count} == relations
    assert list(found.relations.values()) == sorted(found.relations.values(), reverse=True)
    types = Counter(schema.node_types[kind] for sample in samples for kind in sample.node_type)
    assert found.node_types == types
    degrees: Counter[int] = Counter()
    for sample in samples:
        ends = Counter([*sample.head.tolist(), *sample.tail.tolist()])
        degrees.update(ends[node] for node in range(sample.num_nodes))
    assert {degree: count for degree, count in enumerate(found.degrees.tolist()) if count} == degrees
    assert found.groups == 15
    assert found.ceiling == pytest.approx(0.5 + 14.5 / 100)


def test_labels_by_split(graphs: PackedGraphs) -> None:
    found = describe(graphs)
    assert set(found.labels) == {"train", "val", "test"}
    for split, counts in found.labels.items():
        assert sum(counts.values()) == len(graphs.subset(split))
        assert counts["valid"] == counts["invalid"]


def test_json(graphs: PackedGraphs) -> None:
    told = json.loads(json.dumps(describe(graphs).to_json(), allow_nan=False))
    assert told["graphs"] == sum(told["splits"].values()) == 30
    assert told["nodes"]["min"] <= told["nodes"]["median"] <= told["nodes"]["max"]


def test_a_ceiling_with_gaps_is_none(tmp_path: Path) -> None:
    samples = twins(4)
    for number, sample in enumerate(samples):
        sample.info["ceiling"] = float("nan") if number else 0.9
    assert describe(packed(tmp_path / "gaps", samples)).ceiling is None
    assert describe(packed(tmp_path / "none", twins(4))).ceiling is None
