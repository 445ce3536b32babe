"""Files of facts: what is read from them, and what each mistake leads to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm.data.kg.graph import KnowledgeGraph
from nsm.data.kg.reading import find_files, read_graph, read_table
from nsm.errors import DataError

TRAIN = "a\tr\tb\nb\ts\tc\nc\tr\ta\n"


def folder_of(
    place: Path, train: str | bytes = TRAIN, valid: str = "a\tr\tc\n", test: str | bytes = "b\tr\ta\n"
) -> Path:
    place.mkdir(exist_ok=True)
    for name, text in (("train.txt", train), ("valid.tsv", valid), ("test.txt", test)):
        (place / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return place


def graph_of(place: Path, **texts: str | bytes) -> KnowledgeGraph:
    return read_graph(find_files(folder_of(place, **texts)), "mine")  # type: ignore[arg-type]


def named(graph: KnowledgeGraph, split: str) -> list[tuple[str, str, str, float]]:
    f = graph.splits[split]
    rows = zip(f.head.tolist(), f.relation.tolist(), f.tail.tolist(), f.confidence.tolist(), strict=True)
    return sorted((graph.entities[h], graph.relations[r], graph.entities[t], round(c, 3)) for h, r, t, c in rows)


def test_facts_and_sorted_vocabularies(tmp_path: Path) -> None:
    graph = graph_of(tmp_path / "g")
    assert graph.entities == ("a", "b", "c")
    assert graph.relations == ("r", "s")
    assert named(graph, "train") == [("a", "r", "b", 1.0), ("b", "s", "c", 1.0), ("c", "r", "a", 1.0)]
    assert named(graph, "test") == [("b", "r", "a", 1.0)]


def test_ids_do_not_depend_on_the_order_of_lines(tmp_path: Path) -> None:
    one, other = graph_of(tmp_path / "1"), graph_of(tmp_path / "2", train="c\tr\ta\nb\ts\tc\na\tr\tb\n")
    for column in ("head", "relation", "tail"):
        assert np.array_equal(getattr(one.train, column), getattr(other.train, column))


@pytest.mark.parametrize(
    "train",
    [
        "a\tr\tb\t0.5\nb\ts\tc\t1\nc\tr\ta\t0\n",
        "a\tr\tb\t0.5\r\nb\ts\tc\r\n\r\nc\tr\ta\t0\r\n",  # some lines without, blank lines, Windows
        "\ufeffa\tr\tb\t0.5\nb\ts\tc\t1.0\nc\tr\ta\t0e0",
    ],
)
def test_a_fourth_column_is_the_confidence(tmp_path: Path, train: str) -> None:
    graph = graph_of(tmp_path / "g", train=train)
    assert named(graph, "train") == [("a", "r", "b", 0.5), ("b", "s", "c", 1.0), ("c", "r", "a", 0.0)]


def test_names_are_kept_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("\"a, b\"\tis 'of'\tsch\u00f6n # c\n", encoding="utf-8")
    table = read_table(tmp_path / "f.txt")
    assert [table[name][0].as_py() for name in ("head", "relation", "tail")] == ['"a, b"', "is 'of'", "sch\u00f6n # c"]


def test_a_repeated_fact_counts_once_in_its_first_split(tmp_path: Path) -> None:
    train = "a\tr\tb\t0.2\nb\ts\tc\t1\na\tr\tb\t0.7\nc\tr\ta\t1\n"
    graph = graph_of(tmp_path / "g", train=train, test="a\tr\tb\nb\tr\ta\n")
    assert ("a", "r", "b", 0.7) in named(graph, "train")
    assert named(graph, "test") == [("b", "r", "a", 1.0)]
    assert graph.repeated == 2


def failing(place: Path, **texts: str | bytes) -> DataError:
    with pytest.raises(DataError) as caught:
        graph_of(place, **texts)
    return caught.value


@pytest.mark.parametrize(
    ("train", "line", "message"),
    [
        ("a\tr\tb\nb\tc\nc\tr\ta\n", 2, r"expected 3 or 4 columns, got 2: 'b\tc'"),
        ("a\tr\tb\nb\ts\tc\t1\tx\n", 2, "expected 3 or 4 columns, got 5"),
        ("a r b\n", 1, "expected 3 or 4 columns, got 1"),
        ("a\tr\tb\n\nb\t\tc\n", 3, "expected a name as the relation, got nothing"),
        ("a\tr\tb\t0.5\nb\ts\tc\t1.5\n", 2, "expected a confidence in [0, 1], got '1.5'"),
        ("a\tr\tb\t-0.1\n", 1, "expected a confidence in [0, 1], got '-0.1'"),
        ("a\tr\tb\tnan\n", 1, "expected a confidence in [0, 1], got 'nan'"),
        ("a\tr\tb\thigh\n", 1, "expected a confidence in [0, 1], got 'high'"),
        (b"a\tr\tb\nb\ts\t\xff\n", 2, "expected text in UTF-8, got the byte 0xff in column 5"),
        ("", None, "expected facts, got an empty file"),
        ("\n \n", None, "expected facts, got an empty file"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, train: str | bytes, line: int | None, message: str) -> None:
    error = failing(tmp_path / "g", train=train)
    assert error.file == str(tmp_path / "g" / "train.txt")
    assert error.line == line
    assert message.encode().decode("unicode_escape") in error.message.encode().decode("unicode_escape")


def test_a_relation_that_no_training_fact_has(tmp_path: Path) -> None:
    error = failing(tmp_path / "g", test="b\tr\ta\na\tq\tbb\na\tq\tb\n")
    assert (error.file, error.line) == (str(tmp_path / "g" / "test.txt"), 2)
    assert "got 'q'" in error.message and "train.txt" in error.message


def test_relations_may_come_from_another_graph(tmp_path: Path) -> None:
    files = find_files(folder_of(tmp_path / "g"))
    assert read_graph(files, "mine", relations=("r", "s", "t")).relations == ("r", "s", "t")
    with pytest.raises(DataError, match="occurs in elsewhere, got 's'") as caught:
        read_graph(files, "mine", relations=("r",), place=Path("elsewhere"))
    assert caught.value.line == 2


def test_missing_and_doubled_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a folder"):
        find_files(tmp_path / "nowhere")
    place = folder_of(tmp_path / "g")
    (place / "test.tsv").write_text("a\tr\tb\n")
    with pytest.raises(DataError, match=r"expected one of test.txt and test.tsv, found both"):
        find_files(place)
    (place / "test.tsv").unlink()
    (place / "test.txt").unlink()
    with pytest.raises(DataError, match=r"expected one of test.txt and test.tsv, found none"):
        find_files(place)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_table(tmp_path)
