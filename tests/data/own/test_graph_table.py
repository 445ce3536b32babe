"""Labels, groups and splits: the same from a table of their own and from columns of the triples."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsm.data.own.graph_table import read_graphs
from nsm.errors import DataError
from tests.data.own.written import TRIPLES, table, triples

ABOUT = {
    "graph": ["g10", "g2", "g1"],
    "label": ["b", "a", "b"],
    "group": ["p", "q", "p"],
    "split": ["test", "train", "test"],
    "family": ["x", "y", "x"],
}


def test_a_table_of_labels(tmp_path: Path) -> None:
    found = read_graphs(table(tmp_path, ABOUT), triples(tmp_path))
    assert found.labels == ["a", "b"]
    assert found.label.tolist() == [1, 1, 0]  # of g1, g10, g2
    assert found.others == {"group": ["p", "p", "q"], "split": ["test", "test", "train"], "family": ["x", "x", "y"]}


def test_the_same_columns_among_the_triples(tmp_path: Path) -> None:
    of_graph = {name: dict(zip(ABOUT["graph"], column, strict=True)) for name, column in ABOUT.items()}
    columns = dict(TRIPLES) | {name: [of_graph[name][str(g)] for g in TRIPLES["graph"]] for name in ABOUT}
    apart = read_graphs(table(tmp_path, ABOUT), triples(tmp_path))
    inside = triples(tmp_path, columns)
    assert read_graphs(inside.file, inside).others == apart.others
    assert read_graphs(inside.file, inside).label.tolist() == apart.label.tolist()


def test_a_group_may_be_anywhere_where_no_split_is_told(tmp_path: Path) -> None:
    about = {name: column for name, column in ABOUT.items() if name not in ("split", "family")}
    assert read_graphs(table(tmp_path, about), triples(tmp_path)).others == {"group": ["p", "p", "q"]}


@pytest.mark.parametrize(
    ("column", "cells", "line", "said"),
    [
        ("split", ["test", "train", "train"], 4, "the group 'p' is in the split 'test' in line 2 and in 'train' here"),
        ("split", ["test", "dev", "test"], 3, "got 'dev'"),
        ("graph", ["g10", "g2", "g2"], 4, "the graph 'g2' has a label already, in line 3"),
        ("label", ["b", "", "b"], 3, "expected a name, got nothing"),
    ],
)
def test_mistakes(tmp_path: Path, column: str, cells: list[str], line: int, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_graphs(table(tmp_path, ABOUT | {column: cells}), triples(tmp_path))
    assert caught.value.line == line


def test_a_graph_that_is_left_out_is_told_in_the_triples(tmp_path: Path) -> None:
    about = {name: column[1:] for name, column in ABOUT.items()}
    with pytest.raises(DataError, match="the graph 'g10' has no label") as caught:
        read_graphs(table(tmp_path, about), triples(tmp_path))
    assert caught.value.file is not None
    assert (Path(caught.value.file).name, caught.value.line) == ("triples.csv", 5)
