"""What the audit's own probes of this domain see."""

from __future__ import annotations

import numpy as np
import pytest

from nsm.data.build import build_dataset
from nsm.data.kg.query_probes import REPORTED, query_features
from nsm.data.kg.source import DEGREES, KgSource
from nsm.data.packed import PackedGraphs
from nsm.data.probes import PROBES, SINGLE, TYPED, boosted_predictions
from tests.data.kg.toy_facts import ToySettings, toy_folder


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> PackedGraphs:
    source = KgSource(ToySettings(toy_folder(tmp_path_factory.mktemp("toy")), graphs=600), 0)
    return build_dataset(source, tmp_path_factory.mktemp("cache"))


def test_the_features(graphs: PackedGraphs) -> None:
    tables = query_features(graphs)
    assert tables["degrees of head and tail"].names == DEGREES
    assert tables["relation and degrees"].names == ("asked relation", *DEGREES)
    together = tables["degrees that go together"]
    a, b = (graphs.table[name].to_numpy() for name in ("head_out", "tail_in"))
    assert np.array_equal(together.values[:, together.names.index("head_out x tail_in")], a * b)
    assert np.array_equal(together.values[:, together.names.index("head_out - tail_in")], a - b)
    assert all(len(table.values) == len(graphs) for table in tables.values())


def test_marginals_are_equal_so_what_is_judged_tells_nothing(graphs: PackedGraphs) -> None:
    tables = query_features(graphs)
    judged = [name for name in tables if name not in REPORTED]
    assert judged == ["asked relation", "degrees of head and tail", "relation and degrees"]
    for name in judged:
        predicted = boosted_predictions(tables[name].values, graphs.labels, graphs.groups)
        assert (predicted == graphs.labels).mean() == 0.5, name


def test_what_is_reported_are_probes_of_the_audit(graphs: PackedGraphs) -> None:
    assert set(REPORTED) <= {*PROBES, SINGLE, TYPED, *query_features(graphs)}
