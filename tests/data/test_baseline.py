"""Boosting on trivial features: it learns what counts tell, and carries it over to other data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nsm.data.baseline import trivial_predictions
from nsm.data.packed import PackedGraphs
from tests.training.toy_graphs import toy_graphs


def chosen(graphs: PackedGraphs, label: int) -> PackedGraphs:
    return graphs.subset(np.flatnonzero(graphs.labels == label))


def test_what_counts_tell_is_learned_and_holds_on_other_graphs(tmp_path: Path) -> None:
    graphs = toy_graphs(tmp_path)  # whether a node of the type "marked" is there
    train, test = graphs.subset("train"), graphs.subset("test")
    assert (trivial_predictions(train, test) == test.labels).all()
    for label in (0, 1):  # the telling column is constant among these, and has to stay all the same
        alike = chosen(test, label)
        assert (trivial_predictions(train, alike) == label).all()


def test_with_one_class_there_is_only_that_answer(tmp_path: Path) -> None:
    graphs = toy_graphs(tmp_path)
    assert set(trivial_predictions(chosen(graphs.subset("train"), 1), graphs.subset("test"))) == {1}


def test_the_seed_decides(tmp_path: Path) -> None:
    graphs = toy_graphs(tmp_path)
    first, again = (trivial_predictions(graphs.subset("train"), graphs.subset("test"), seed=3) for _ in range(2))
    assert (first == again).all()
