"""From tables to graphs: every format and every order of rows gives the same data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm.data.build import build_dataset, build_folder
from nsm.data.own import source as source_module
from nsm.data.own.source import open_tables
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Triple
from nsm.errors import DataError
from tests.data.own.written import ENDINGS, TRIPLES, Columns, write


def random_triples(count: int = 60) -> Columns:
    """Graphs of some triples each, no two alike in their confidences."""
    random = np.random.default_rng(0)
    graph = np.sort(random.integers(0, 12, count))
    return {
        "graph": [f"graph {g}" for g in graph],
        "head": [f"node {n}" for n in random.integers(0, 5, count)],
        "relation": [f"relation {r}" for r in random.integers(0, 3, count)],
        "tail": [f"node {n}" for n in random.integers(0, 5, count)],
        "confidence": [float(c) for c in random.random(count).round(3)],
        "level": [int(level) for level in random.integers(1, 4, count)],
        "label": ["odd" if g % 2 else "even" for g in graph],
        "group": [f"group {g // 3}" for g in graph],
        "family": [f"family {g // 6}" for g in graph],
    }


def shuffled(columns: Columns) -> Columns:
    order = np.random.default_rng(1).permutation(len(columns["graph"]))
    return {name: [column[row] for row in order] for name, column in reversed(columns.items())}


@pytest.fixture
def built(tmp_path: Path) -> PackedGraphs:
    return build_folder(open_tables(write(tmp_path / "t.tsv", random_triples())), tmp_path / "built")


@pytest.mark.parametrize("ending", ENDINGS)
def test_format_and_order_of_rows_change_nothing(tmp_path: Path, built: PackedGraphs, ending: str) -> None:
    path = write(tmp_path / f"again{ending}", shuffled(random_triples()))
    again = build_folder(open_tables(path), tmp_path / "again")
    assert again.fingerprint == built.fingerprint
    assert again.table.equals(built.table)


def test_every_triple_arrives(built: PackedGraphs) -> None:
    columns = random_triples()
    wanted: dict[object, list[Triple]] = {}
    for row in range(len(columns["graph"])):
        named = {name: columns[name][row] for name in ("head", "relation", "tail", "level")}
        confidence = float(np.float32(columns["confidence"][row]))
        wanted.setdefault(columns["graph"][row], []).append(Triple(confidence=confidence, **named))
    assert len(built) == len(wanted)
    for place in range(len(built)):
        sample = built.sample(place)
        triples = sample.triples(built.schema)
        assert sorted(triples, key=str) == sorted(wanted[sample.info["graph"]], key=str)
        number = int(str(sample.info["graph"]).split()[1])
        assert built.schema.labels[sample.label] == ("odd" if number % 2 else "even")
        assert (sample.group, sample.info["family"]) == (f"group {number // 3}", f"family {number // 6}")


def test_pieces_of_any_size_give_the_same(tmp_path: Path, built: PackedGraphs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "SHARD_SIZE", 7)
    source = open_tables(tmp_path / "t.tsv")
    assert len(source.shards()) > 5
    assert [graph for shard in source.shards() for graph in shard] == list(range(len(built)))
    assert build_dataset(source, tmp_path / "cache").fingerprint == built.fingerprint


def test_splits_are_those_of_the_table(tmp_path: Path) -> None:
    labels = {"graph": ["g1", "g2", "g10"], "label": [1, 2, 1], "split": ["train", "val", "test"]}
    triples = {name: column for name, column in TRIPLES.items() if name != "label"}
    source = open_tables(write(tmp_path / "t.csv", triples), write(tmp_path / "l.jsonl", labels), name="small")
    graphs = build_folder(source, tmp_path / "built")
    assert graphs.schema.domain == "small"
    assert {str(graphs.sample(i).info["graph"]): int(graphs.splits[i]) for i in range(3)} == {
        "g1": 0,
        "g2": 1,
        "g10": 2,
    }


def test_the_key_is_the_content_of_the_files_and_not_their_place(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    one, two = (write(folder / "t.tsv", random_triples()) for folder in (tmp_path, tmp_path / "elsewhere"))
    assert open_tables(one).key() == open_tables(two).key()
    assert open_tables(one).key() != open_tables(one, inductive=True).key()
    two.write_text(two.read_text() + "\n")
    assert open_tables(one).key() != open_tables(two).key()


def test_columns_that_mean_nothing_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", {**TRIPLES, "comment": [""] * 4, "year": [1, 2, 3, 4]})
    assert open_tables(path).ignored == {"triples": ["comment", "year"]}


def test_too_large_a_vocabulary_names_the_file(tmp_path: Path) -> None:
    many = {"graph": ["g"] * 300, "node": [f"n{i}" for i in range(300)], "type": [f"t{i}" for i in range(300)]}
    triples = {
        "graph": ["g"] * 300,
        "head": many["node"],
        "relation": ["r"] * 300,
        "tail": many["node"],
        "label": [1] * 300,
    }
    with pytest.raises(DataError, match="expected 1 to 256 node_types, got 300") as caught:
        open_tables(write(tmp_path / "t.csv", triples), nodes=write(tmp_path / "n.csv", many))
    assert caught.value.file == str(tmp_path / "t.csv")
