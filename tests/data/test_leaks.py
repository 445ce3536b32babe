"""A feature that equals the label is named; one that merely agrees by chance is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm.data.leaks import PLAIN, equal_features, shared_names
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Sample
from nsm.data.trivial import FeatureTable, trivial_features
from tests.data.twin_graphs import LEAK, Edit, add_edge, packed, twins

LABELS = ("invalid", "valid")


def tables(**columns: list[float]) -> dict[str, FeatureTable]:
    values = np.array(list(columns.values()), np.float32).T.reshape(-1, len(columns))
    empty = FeatureTable((), np.zeros((len(values), 0), np.float32))
    return dict.fromkeys(PLAIN, empty) | {"values": FeatureTable(tuple(columns), values)}


def found(labels: list[int], groups: list[int] | None = None, **columns: list[float]) -> tuple[str, ...]:
    names = LABELS if max(labels) < 2 else ("a", "b", "c")
    own = np.arange(len(labels)) if groups is None else np.array(groups)
    return equal_features(tables(**columns), np.array(labels), own, names)


def test_presence_that_equals_the_label_either_way() -> None:
    labels = [0, 1] * 30
    assert found(labels, leak=[2.0 * y for y in labels]) == ("leak is there exactly where the label is 'valid'",)
    assert found(labels, leak=[1.0 - y for y in labels]) == ("leak is there exactly where the label is 'invalid'",)
    assert found(labels, leak=[1.0 - y for y in labels[:-1]] + [1.0]) == ()


def test_one_label_of_several() -> None:
    labels = [0, 1, 2] * 30
    assert found(labels, mark=[float(y == 1) for y in labels]) == ("mark is there exactly where the label is 'b'",)
    told = found(labels, level=[float(y + 1) for y in labels])
    assert told == ("level equals the label: 1 for 'a', 2 for 'b', 3 for 'c'",)


def test_several_values_of_one_label() -> None:
    labels = [0, 1] * 40
    values = [float(3 + y + 2 * (i % 4 > 1)) for i, y in enumerate(labels)]
    assert found(labels, value=values) == (
        "value equals the label: 3 for 'invalid', 4 for 'valid', 5 for 'invalid', 6 for 'valid'",
    )


def test_too_few_graphs_or_groups_prove_nothing() -> None:
    labels = [0, 1] * 5
    assert found(labels, leak=[float(y) for y in labels]) == ()
    labels = [i // 20 % 2 for i in range(200)]
    assert found(labels, groups=[i // 20 for i in range(200)], leak=[float(y) for y in labels]) == ()
    assert found(labels, leak=[float(y) for y in labels]) != ()


def test_a_number_of_its_own_for_every_graph_says_nothing() -> None:
    assert found([0, 1] * 30, value=[float(i) for i in range(60)]) == ()


def mark_a_type(sample: Sample, _: np.random.Generator) -> None:
    """The value of one node that is the only one of its type; all others are noise."""
    sample.node_type[:] = np.minimum(sample.node_type, 1)
    sample.node_type[0] = 2
    sample.value[0] = 0.25 + 0.5 * sample.label


def mark_a_confidence(sample: Sample, _: np.random.Generator) -> None:
    add_edge(sample, LEAK)
    sample.confidence[-1] = 0.5 + 0.25 * sample.label


def mark_a_level(sample: Sample, random: np.random.Generator) -> None:
    sample.level = random.integers(1, 3, len(sample.level)).astype(np.uint8)
    sample.level[:2] = 1, 2 + sample.label


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (mark_a_type, "mean value weight of step equals the label: 0.25 for 'invalid', 0.75 for 'valid'"),
        (mark_a_confidence, "mean confidence of leak equals the label: 0.5 for 'invalid', 0.75 for 'valid'"),
        (mark_a_level, "max level equals the label: 2 for 'invalid', 3 for 'valid'"),
    ],
)
def test_one_type_one_relation_or_one_level_that_equals_the_label(edit: Edit, sentence: str, tmp_path: Path) -> None:
    graphs = packed(tmp_path / "packed", twins(120, edit=edit))
    assert sentence in equal_features(trivial_features(graphs), graphs.labels, graphs.groups, LABELS)


@pytest.mark.parametrize("kind", ["edge", "value", None])
def test_graphs(tmp_path: Path, kind: str | None) -> None:
    edits: dict[str | None, Edit] = {
        "edge": lambda sample, _: add_edge(sample, LEAK) if sample.label else None,
        "value": lambda sample, _: sample.value.fill(sample.label),
    }
    graphs = packed(tmp_path / "packed", twins(120, edit=edits.get(kind)))
    told = equal_features(trivial_features(graphs), graphs.labels, graphs.groups, LABELS)
    named = {"edge": "relation leak is there", "value": "value weight"}.get(kind)  # type: ignore[arg-type]
    assert any(named in one for one in told) if named else told == ()


def test_names_in_several_splits(tmp_path: Path) -> None:
    samples = twins(8)
    for number, sample in enumerate(samples):
        sample.names = [f"{number // 2}/{node}" for node in range(sample.num_nodes)]
    graphs = packed(tmp_path / "apart", samples)
    assert shared_names(graphs) == 0
    samples[4].names[:2] = samples[6].names[0], samples[0].names[0]
    assert {samples[i].info["split"] for i in (0, 4, 6)} == {"train", "val", "test"}
    assert shared_names(packed(tmp_path / "shared", samples)) == 2
    assert shared_names(PackedGraphs.open(tmp_path / "shared").subset("val")) == 0
