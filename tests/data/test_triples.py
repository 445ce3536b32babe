"""The vocabulary and the sample."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from nsm.data.triples import Sample, Schema, Triple
from nsm.errors import DataError
from tests.data.odd_source import SCHEMA, SHAPES, odd_sample


def test_schema_survives_json() -> None:
    assert Schema.from_json(json.loads(json.dumps(SCHEMA.to_json()))) == SCHEMA


def test_in_channels_counts_every_block() -> None:
    assert SCHEMA.in_channels == 3 + 3 + 8 + 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"relations": ("needs", "needs")}, "relations names something twice"),
        ({"relations": ()}, "expected 1 to 32767 relations, got 0"),
        ({"node_types": tuple(map(str, range(257)))}, "expected 1 to 256 node_types, got 257"),
        ({"roles": ("goal", "none")}, "first role must be 'none', got 'goal'"),
        ({"order_channels": 3}, "order_channels must be even, got 3"),
    ],
)
def test_schema_refuses(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Schema.from_json(SCHEMA.to_json() | change)


def test_every_odd_sample_fits() -> None:
    for number in range(len(SHAPES)):
        odd_sample(number).check(SCHEMA)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"node_type": np.array([0, 1, 3])}, "node_type in [0, 2], got 3"),
        ({"role": np.array([0, 1])}, "role of shape (3,), got (2,)"),
        ({"order": np.array([0, -2, 1])}, "order in [-1, 32767], got -2"),
        ({"value": np.zeros((3, 1), np.float32)}, "value of shape (3, 2), got (3, 1)"),
        ({"value": np.full((3, 2), np.nan, np.float32)}, "expected finite values"),
        ({"head": np.array([0, 3])}, "head in [0, 2], got 3"),
        ({"tail": np.array([0, -1])}, "tail in [0, 2], got -1"),
        ({"relation": np.array([0, 4])}, "relation in [0, 3], got 4"),
        ({"confidence": np.array([0.5, 1.5])}, "confidence in [0, 1], got 1.5"),
        ({"confidence": np.array([0.5, np.nan])}, "confidence in [0, 1]"),
        ({"order": np.array([0.0, 0.5, 1.0])}, "integers as order, got float64"),
        ({"label": 2}, "label in [0, 1], got 2"),
        ({"names": ["a"]}, "expected 3 names or none, got 1"),
        ({"evidence_nodes": (3,)}, "evidence_nodes in [0, 2], got 3"),
        ({"evidence_triples": (0, 2)}, "evidence_triples in [0, 1], got 2"),
    ],
)
def test_sample_refuses(change: dict[str, Any], message: str) -> None:
    sample = _path()
    for name, value in change.items():
        setattr(sample, name, value)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        sample.check(SCHEMA)
    assert "'p1'" in str(caught.value)


def test_a_graph_has_a_node() -> None:
    sample = _path()
    sample.node_type = np.zeros(0, np.int64)
    with pytest.raises(DataError, match="has no nodes"):
        sample.check(SCHEMA)


def test_an_order_needs_channels() -> None:
    unordered = Schema.from_json(SCHEMA.to_json() | {"order_channels": 0})
    with pytest.raises(DataError, match="order"):
        _path().check(unordered)


def test_triples_by_name() -> None:
    sample = _path()
    assert sample.triples(SCHEMA) == [
        Triple("fact_0", "needs", "object_1"),
        Triple("object_1", "next", "step_2"),
    ]
    sample.names = ["on a b", "a", "pick-up a"]
    sample.confidence = np.array([0.5, 1.0], np.float32)
    assert sample.triples(SCHEMA)[0] == Triple("on a b", "needs", "a", 0.5)


def _path() -> Sample:
    return Sample(
        node_type=np.array([0, 1, 2]),
        role=np.zeros(3, np.int64),
        order=np.array([-1, -1, 4]),
        value=np.zeros((3, 2), np.float32),
        head=np.array([0, 1]),
        relation=np.array([0, 2]),
        tail=np.array([1, 2]),
        label=0,
        group="p1",
    )
