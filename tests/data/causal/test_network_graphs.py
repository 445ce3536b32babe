"""Graphs about a Bayesian network: its variables are the node types, the question is in the features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm.data.causal.bif import read_bif
from nsm.data.causal.network_graphs import network_graph, network_schema
from nsm.data.causal.network_questions import NetworkQuestion
from nsm.data.causal.networks import BayesianNetwork
from nsm.errors import DataError
from tests.data.causal.networks_by_hand import write


@pytest.fixture
def garden(tmp_path: Path) -> BayesianNetwork:
    return read_bif(write(tmp_path))


QUESTION = NetworkQuestion(query=1, asked=1, observed={0: 2}, intervened={2: 0}, probability=0.8, prior=0.38)


def test_the_question_can_be_read_from_the_features(garden: BayesianNetwork) -> None:
    schema = network_schema(garden)
    sample = network_graph(garden, QUESTION, group="g", info={})
    sample.check(schema)
    assert schema.labels[sample.label] == "higher"
    assert [schema.node_types[kind] for kind in sample.node_type] == ["season", "rain", "sprinkler"]
    assert [schema.roles[role] for role in sample.role] == ["observed", "query", "intervened"]
    on = {(int(node), schema.values[int(place)]) for node, place in np.argwhere(sample.value) if int(place) < 9}
    assert on == {(0, "observed 2"), (1, "asked 1"), (2, "set to 0")}
    assert (sample.value[:, schema.values.index("intervention")] == 1).all()
    assert sample.names == ["season = wet", "rain = yes?", "do(sprinkler = off)"]
    assert [(t.head, t.tail) for t in sample.triples(schema)] == [
        ("season = wet", "rain = yes?"),
        ("season = wet", "do(sprinkler = off)"),
    ]


def test_what_the_question_cannot_depend_on_is_left_out(garden: BayesianNetwork) -> None:
    sample = network_graph(garden, QUESTION, group="g", info={})
    assert sample.num_nodes == 3, "the lawn is nobody's cause here"
    about_lawn = NetworkQuestion(3, 0, {1: 1, 2: 0}, {}, 0.1, 0.5)
    whole = network_graph(garden, about_lawn, group="g", info={})
    assert whole.num_nodes == 4
    assert whole.label == 0
    assert (whole.value[:, -1] == 0).all()


def test_evidence_is_the_open_path(garden: BayesianNetwork) -> None:
    sample = network_graph(garden, QUESTION, group="g", info={})
    assert sample.evidence_triples == (0,), "the intervention cuts the path over the sprinkler"
    assert sample.evidence_nodes == (0, 1)


def test_more_variables_than_node_types_are_refused() -> None:
    many = BayesianNetwork(
        "many",
        tuple(f"v{i}" for i in range(300)),
        (("0", "1"),) * 300,
        ((),) * 300,
        (np.array([0.5, 0.5]),) * 300,
    )
    with pytest.raises(DataError, match="expected 1 to 256 node_types, got 300"):
        network_schema(many)
