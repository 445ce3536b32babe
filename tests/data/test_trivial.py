"""The vectorised features are those of a plain loop over nodes and edges."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from nsm.data import trivial
from nsm.data.triples import Sample
from tests.data.twin_graphs import SCHEMA, packed, random_sample, twins


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    samples = twins(40, seed=3)
    single = random_sample(np.random.default_rng(1), label=0, group="single")
    for name in ("node_type", "role", "order", "value"):
        setattr(single, name, getattr(single, name)[:1])
    for name in ("head", "relation", "tail", "confidence", "level"):
        setattr(single, name, getattr(single, name)[:0])
    single.info = samples[0].info
    return [*samples, single]


@pytest.fixture(scope="module")
def tables(samples: list[Sample], tmp_path_factory: pytest.TempPathFactory) -> dict[str, trivial.FeatureTable]:
    return trivial.trivial_features(packed(tmp_path_factory.mktemp("graphs") / "packed", samples))


def column(table: trivial.FeatureTable, name: str) -> np.ndarray:
    return table.values[:, table.names.index(name)]


def test_sizes_and_histograms(samples: list[Sample], tables: dict[str, trivial.FeatureTable]) -> None:
    assert column(tables["size"], "nodes").tolist() == [s.num_nodes for s in samples]
    assert column(tables["size"], "edges").tolist() == [s.num_triples for s in samples]
    for index, name in enumerate(SCHEMA.node_types):
        expected = [int((s.node_type == index).sum()) for s in samples]
        assert column(tables["node_types"], f"type {name}").tolist() == expected
    for index, name in enumerate(SCHEMA.relations[:3]):
        expected = [int((s.relation == index).sum()) for s in samples]
        assert column(tables["edge_types"], f"relation {name}").tolist() == expected


def test_columns_that_never_vary_are_left_out(tables: dict[str, trivial.FeatureTable]) -> None:
    assert "relation leak" not in tables["edge_types"].names
    assert "role goal" not in tables["node_types"].names


def test_degrees_are_those_of_a_loop(samples: list[Sample], tables: dict[str, trivial.FeatureTable]) -> None:
    table = tables["degrees"]
    for row, sample in enumerate(samples):
        incoming, outgoing = Counter(sample.tail.tolist()), Counter(sample.head.tolist())
        total = [incoming[node] + outgoing[node] for node in range(sample.num_nodes)]
        steps = [total[node] for node in range(sample.num_nodes) if sample.node_type[node] == 2] or [0]
        assert column(table, "mean degree of step")[row] == pytest.approx(np.mean(steps))
        assert column(table, "max degree of step")[row] == max(steps)
        assert column(table, "std degree of step")[row] == pytest.approx(np.std(steps), abs=1e-5)
        assert column(table, "nodes of degree 3")[row] == total.count(3)
        needs = Counter(sample.tail[sample.relation == 0].tolist())
        assert column(table, "max in-degree by needs")[row] == max(needs.values(), default=0)


def test_values_and_typed_edges_are_those_of_a_loop(
    samples: list[Sample], tables: dict[str, trivial.FeatureTable]
) -> None:
    for row, sample in enumerate(samples):
        weight = sample.value[:, 0]
        assert column(tables["values"], "sum value weight")[row] == pytest.approx(weight.sum(), abs=1e-4)
        assert column(tables["values"], "max value weight")[row] == pytest.approx(weight.max())
        lowest = min(sample.confidence.tolist(), default=0.0)
        assert column(tables["values"], "min confidence")[row] == pytest.approx(lowest)
        typed = sum(
            r == 1 and sample.node_type[h] == 0 and sample.node_type[t] == 2
            for h, r, t in zip(sample.head, sample.relation, sample.tail, strict=True)
        )
        assert column(tables["typed_edges"], "fact adds step")[row] == typed


def test_levels_confidences_and_values_of_one_kind_are_those_of_a_loop(tmp_path: Path) -> None:
    samples, random = twins(20, seed=4), np.random.default_rng(4)
    for sample in samples:
        sample.level = random.integers(1, 4, sample.num_triples).astype(np.uint8)
    tables = trivial.trivial_features(packed(tmp_path / "packed", samples))
    for row, sample in enumerate(samples):
        adds, steps = sample.relation == 1, sample.node_type == 2
        at_level = int((adds & (sample.level == 3)).sum())
        assert column(tables["edge_types"], "relation adds at level 3")[row] == at_level
        assert column(tables["values"], "mean level")[row] == pytest.approx(sample.level.mean())
        sure = sample.confidence[adds].mean() if adds.any() else 1.0
        assert column(tables["values"], "mean confidence of adds")[row] == pytest.approx(sure, abs=1e-5)
        weight = sample.value[steps, 0].mean() if steps.any() else 0.0
        assert column(tables["typed_values"], "mean value weight of step")[row] == pytest.approx(weight, abs=1e-5)
    assert not [name for name in tables["edge_types"].names if name.endswith("level 1")]


def test_very_many_kinds_of_values_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trivial, "MAX_TYPED_VALUES", 2)
    table = trivial.trivial_features(packed(tmp_path / "packed", twins(6)))["typed_values"]
    assert (table.names, table.values.shape) == ((), (6, 0))


def test_chunks_change_nothing(
    samples: list[Sample],
    tables: dict[str, trivial.FeatureTable],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trivial, "CHUNK", 7)
    graphs = packed(tmp_path / "packed", samples)
    for name, table in trivial.trivial_features(graphs).items():
        assert table.names == tables[name].names
        np.testing.assert_array_equal(table.values, tables[name].values)


def test_colours_ignore_the_order_of_nodes_and_count_every_node(samples: list[Sample], tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    shuffled = []
    for sample in samples:
        place = random.permutation(sample.num_nodes)  # where each node goes
        moved = random_sample(random, label=0, group=sample.group)
        for name in ("node_type", "role", "order", "value"):
            array = np.empty_like(getattr(sample, name))
            array[place] = getattr(sample, name)
            setattr(moved, name, array)
        moved.head, moved.tail, moved.relation = place[sample.head], place[sample.tail], sample.relation
        moved.confidence, moved.level, moved.info = sample.confidence, sample.level, sample.info
        shuffled.append(moved)
    one = trivial.signature_features(packed(tmp_path / "one", samples), bins=10_000)
    two = trivial.signature_features(packed(tmp_path / "two", shuffled), bins=10_000)
    np.testing.assert_array_equal(one.values, two.values)
    assert one.values.sum(axis=1).tolist() == [s.num_nodes for s in samples]
