"""Four formats, one table of text; and the line of every row."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsm.data.own.files import ROWS_AT_ONCE, open_table
from nsm.errors import DataError
from tests.data.own.written import ENDINGS, TRIPLES, table, write

CELL = st.text(st.characters(exclude_characters="\r\n\t\x00", exclude_categories=("Cs",)), max_size=6)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_gives_the_same_text(tmp_path: Path, ending: str) -> None:
    opened = table(tmp_path, TRIPLES, f"table{ending}")
    assert opened.columns == list(TRIPLES)
    for name in ("graph", "head", "relation", "tail", "label"):
        assert opened.text(name).to_pylist() == list(TRIPLES[name])
    for name in ("confidence", "level"):
        assert [float(cell) for cell in opened.text(name).to_pylist()] == list(TRIPLES[name])


@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5))
def test_csv_and_json_lines_keep_any_text(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    columns = {"left": [f"#{left}" for left, _ in rows], "right": [right for _, right in rows]}
    for ending in (".csv", ".jsonl"):
        opened = table(folder, columns, f"table{ending}")
        assert opened.text("left").to_pylist() == columns["left"]
        assert opened.text("right").to_pylist() == [cell or None for cell in columns["right"]]


def test_tsv_has_no_quotes_and_csv_has(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text('a\tb\n"x\ty"\n')
    (tmp_path / "t.csv").write_text('a,b\n"x, ""y""","two\nlines"\nz,z\n')
    assert open_table(tmp_path / "t.tsv").text("a").to_pylist() == ['"x']
    opened = open_table(tmp_path / "t.csv")
    assert opened.text("a").to_pylist() == ['x, "y"', "z"]
    assert [opened.line(0), opened.line(1)] == [2, 4]


def test_line_ends_of_windows_and_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_bytes("\ufeffa\tb\r\n\r\n1\té\r\n".encode())
    opened = open_table(tmp_path / "t.tsv")
    assert opened.columns == ["a", "b"]
    assert opened.text("b").to_pylist() == ["é"]
    assert opened.line(0) == 3


def test_lines_of_json_and_rows_of_parquet(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n\n \n{"a": null, "b": true}\n')
    opened = open_table(tmp_path / "t.jsonl")
    assert opened.text("a").to_pylist() == ["1", None]
    assert opened.text("b").to_pylist() == [None, "true"]
    assert [opened.line(0), opened.line(1)] == [1, 4]
    pq.write_table(pa.table({"a": ["x", "y"]}), tmp_path / "t.parquet")
    assert open_table(tmp_path / "t.parquet").line(1) == 2


def test_parquet_of_categories_and_numbers(tmp_path: Path) -> None:
    columns = {"a": pa.array(["x", "", "x"]).dictionary_encode(), "b": pa.array([1, None, 3], pa.int8())}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet", row_group_size=1)
    opened = open_table(tmp_path / "t.parquet")
    assert opened.text("a").to_pylist() == ["x", None, "x"]
    assert opened.text("b").to_pylist() == ["1", None, "3"]


def test_json_lines_are_read_block_by_block(tmp_path: Path) -> None:
    count = ROWS_AT_ONCE + 2
    lines = ['{"a": "x"}\n'] * (count - 1) + ['{"b": "y"}\n']
    (tmp_path / "t.jsonl").write_text("".join(lines))
    opened = open_table(tmp_path / "t.jsonl")
    assert opened.text("b").to_pylist() == [None] * (count - 1) + ["y"]
    assert opened.text("a").null_count == 1


def test_a_refusal_names_file_and_line(tmp_path: Path) -> None:
    opened = table(tmp_path, {"a": ["x", "y"]}, "t.tsv")
    with pytest.raises(DataError, match="too long") as caught:
        opened.fail(1, "too long", "shorten it")
    assert (caught.value.file, caught.value.line, caught.value.hint) == (str(opened.path), 3, "shorten it")
    with pytest.raises(DataError) as caught:
        opened.fail(None, "too long", "shorten it")
    assert caught.value.line is None


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", {"a": ["x"]})
    assert open_table(path).digest() == hashlib.sha256(path.read_bytes()).hexdigest()
