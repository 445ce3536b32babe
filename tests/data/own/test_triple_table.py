"""A node is an entity in a graph; what other tables name has to be there."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsm.errors import DataError
from tests.data.own.written import TRIPLES, table, triples


def test_vocabularies_are_sorted_and_nodes_belong_to_graphs(tmp_path: Path) -> None:
    found = triples(tmp_path)
    assert found.graphs == ["g1", "g10", "g2"]
    assert found.entities == ["a", "b", "c", "é\u4e16"]
    assert found.relations == ["is", "knows", "likes"]
    assert found.node_ptr().tolist() == [0, 3, 4, 6]
    assert found.node_names() == ["b", "c", "é\u4e16", "b", "a", "b"]
    assert [found.node_names()[end] for end in found.ends[0]] == list(TRIPLES["head"])
    assert [found.node_names()[end] for end in found.ends[1]] == list(TRIPLES["tail"])
    assert found.first_rows().tolist() == [1, 3, 0]


def test_numbers_that_may_be_missing(tmp_path: Path) -> None:
    found = triples(tmp_path)
    assert found.optional_numbers("confidence", 0, 1).tolist() == list(TRIPLES["confidence"])
    assert found.optional_numbers("weight", 0, 1).tolist() == [1.0] * 4


def test_rows_of_other_tables_find_their_graphs_and_nodes(tmp_path: Path) -> None:
    found, names = triples(tmp_path), {"graph": ["g2", "g1"], "node": ["b", "c"]}
    file = table(tmp_path, names)
    graph = found.find_graphs(file)
    assert [found.graphs[code] for code in graph] == names["graph"]
    assert [found.node_names()[node] for node in found.find_nodes(file, graph)] == names["node"]


@pytest.mark.parametrize(
    ("graph", "node", "said"),
    [("g3", "a", "unknown graph 'g3'"), ("g2", "c", "unknown node 'c'"), ("g10", "zz", "unknown node 'zz'")],
)
def test_unknown_names(tmp_path: Path, graph: str, node: str, said: str) -> None:
    found, file = triples(tmp_path), table(tmp_path, {"graph": ["g2", graph], "node": ["b", node]})
    with pytest.raises(DataError, match=said) as caught:
        found.find_nodes(file, found.find_graphs(file))
    assert caught.value.line == 3
