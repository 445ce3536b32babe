"""Types and numbers of nodes, in the order of the nodes and on a scale that a model can use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm.data.own.node_table import read_nodes
from nsm.errors import DataError
from tests.data.own.written import table, triples

ROWS = {
    "node": ["a", "b", "b", "b", "c", "é\u4e16"],
    "graph": ["g2", "g2", "g10", "g1", "g1", "g1"],
    "age": [10, 20, 30, 40, 50, 60],
    "type": ["cat", "dog", "cat", "dog", "cat", "cat"],
    "asked": [0, 1, 0, 1, 0, -1],
}


def test_rows_go_to_their_nodes(tmp_path: Path) -> None:
    found = read_nodes(table(tmp_path, ROWS), triples(tmp_path))
    assert [found.types[kind] for kind in found.node_type] == ["dog", "cat", "cat", "cat", "cat", "dog"]
    assert found.values == ["age", "asked"]
    assert found.value[:, 1].tolist() == [1, 0, -1, 0, 0, 1]
    assert found.value.dtype == np.float32


def test_a_feature_beyond_one_is_standardised_and_can_be_read_back(tmp_path: Path) -> None:
    found = read_nodes(table(tmp_path, ROWS), triples(tmp_path))
    assert set(found.scales) == {"age"}
    mean, deviation = found.scales["age"]
    age = found.value[:, 0]
    assert (age.mean(), age.std()) == (pytest.approx(0, abs=1e-6), pytest.approx(1))
    assert np.allclose(age * deviation + mean, [40, 50, 60, 30, 10, 20])


def test_a_feature_that_never_changes_is_zero(tmp_path: Path) -> None:
    found = read_nodes(table(tmp_path, ROWS | {"age": [5] * 6}), triples(tmp_path))
    assert not found.value[:, 0].any()


def test_without_a_table_all_nodes_are_of_one_type(tmp_path: Path) -> None:
    found = read_nodes(None, triples(tmp_path))
    assert (found.types, found.node_type.tolist(), found.value.shape) == (["node"], [0] * 6, (6, 0))


def test_without_types_there_are_numbers_only(tmp_path: Path) -> None:
    untyped = {name: column for name, column in ROWS.items() if name != "type"}
    found = read_nodes(table(tmp_path, untyped), triples(tmp_path))
    assert (found.types, found.value.shape) == (["node"], (6, 2))


@pytest.mark.parametrize(
    ("rows", "line", "said"),
    [
        ([0, 1, 2, 3, 4], None, "the node 'é\u4e16' of the graph 'g1' has no row"),
        ([0, 1, 2, 3, 4, 5, 1], 8, "the node 'b' of the graph 'g2' has a row already, in line 3"),
    ],
)
def test_one_row_per_node(tmp_path: Path, rows: list[int], line: int | None, said: str) -> None:
    chosen = {name: [column[row] for row in rows] for name, column in ROWS.items()}
    with pytest.raises(DataError, match=said) as caught:
        read_nodes(table(tmp_path, chosen), triples(tmp_path))
    assert caught.value.line == line
