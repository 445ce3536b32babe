"""Reads a table from TSV, CSV, JSON Lines or Parquet as columns of text, and knows the line of each row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import file_digest
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from nsm.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMATS", "TableFile", "open_table"]

DELIMITERS = {".tsv": "\t", ".csv": ","}
FORMATS = {".tsv": "TSV", ".csv": "CSV", ".jsonl": "JSON Lines", ".ndjson": "JSON Lines", ".parquet": "Parquet"}
ROWS_AT_ONCE = 65_536  # lines of JSON that are held as Python objects
CONVERT = "write the table once more, or as TSV"


@dataclass(frozen=True)
class TableFile:
    """A table whose cells are read as text.

    Args:
        path: The file.
        table: Its columns.
    """

    path: Path
    table: pa.Table

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in the order of the file."""
        return list(self.table.column_names)

    @property
    def header_line(self) -> int | None:
        """The line that names the columns, where there is one."""
        return 1 if self.path.suffix.lower() in DELIMITERS else None

    def text(self, column: str) -> pa.Array:
        """A column as text; an empty cell is null.

        Raises:
            DataError: If it holds lists or other values that are not text, numbers or truth values.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        cells = self.table[column]
        try:
            text = pa.concat_arrays(cells.cast(pa.large_string()).chunks)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            message = f"column {column!r}: expected text or numbers, got {cells.type}"
            raise DataError(message, file=self.path, hint="write one value in each cell") from error
        return pc.if_else(pc.equal(text, ""), pa.scalar(None, text.type), text)

    def line(self, row: int) -> int:
        """Where a row stands in the file, counted from 1; in a Parquet file its number among the rows."""
        if FORMATS[self.path.suffix.lower()] == "Parquet":
            return row + 1
        if self.header_line is None:
            return next(islice(_json_lines(self.path), row, None))[0]
        return next(islice(_cells(self.path), row + 1, None))[0]

    def fail(self, row: int | None, message: str, hint: str) -> NoReturn:
        """Refuses the table because of one of its rows."""
        raise DataError(message, file=self.path, line=None if row is None else self.line(row), hint=hint)

    def digest(self) -> str:
        """SHA-256 of the file."""
        with self.path.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()


def open_table(path: Path) -> TableFile:
    """Reads a table; its ending says which format it has.

    Raises:
        DataError: If it is missing, empty, of another format, not UTF-8, or has a malformed row; with the line.
    """
    kind = FORMATS.get(path.suffix.lower())
    if not path.is_file():
        what = "expected a file, came a folder" if path.is_dir() else "the file does not exist"
        raise DataError(what, file=path, hint="give a table of triples")
    if kind is None:
        came = f"{path.suffix!r}" if path.suffix else "none"
        message = f"unknown format: expected the ending {', '.join(FORMATS)}, got {came}"
        raise DataError(message, file=path, hint="name the file after its format, such as triples.tsv")
    if not path.stat().st_size:
        raise DataError("the file is empty", file=path, hint="give a table with at least one row")
    read = {"Parquet": _read_parquet, "JSON Lines": _read_json_lines}.get(kind, _read_delimited)
    opened = TableFile(path, read(path))
    repeated = [name for name in opened.columns if opened.columns.count(name) > 1]
    if repeated:
        message = f"expected each column once, got {repeated[0]!r} twice"
        raise DataError(message, file=path, line=opened.header_line, hint="rename or remove one of them")
    if not opened.table.num_rows:
        raise DataError("the table has no rows", file=path, hint="give a table with at least one row")
    return opened


def _read_parquet(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"expected a Parquet file: {error}", file=path, hint=CONVERT) from error


def _read_delimited(path: Path) -> pa.Table:
    """TSV or CSV: the first row names the columns; TSV has no quotes."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    delimiter = DELIMITERS[path.suffix.lower()]
    header = next(_cells(path), (1, []))[1]
    if not header:
        raise DataError("the file has only empty lines", file=path, hint="give a table with at least one row")
    quote = '"' if delimiter == "," else False
    parse = arrow_csv.ParseOptions(delimiter=delimiter, quote_char=quote, newlines_in_values=bool(quote))
    convert = arrow_csv.ConvertOptions(column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False)
    try:
        return arrow_csv.read_csv(path, parse_options=parse, convert_options=convert)
    except pa.ArrowInvalid as error:
        for line, cells in _cells(path):  # slow: only to say where the mistake is
            if len(cells) != len(header):
                named = f"{len(header)} columns ({', '.join(header)})"
                hint = f"separate the columns by {'commas' if delimiter == ',' else 'tabs'}"
                raise DataError(f"expected {named}, got {len(cells)}", file=path, line=line, hint=hint) from error
        hint = "each line is one row, in UTF-8; the first names the columns"
        raise DataError(f"cannot read the table: {error}", file=path, hint=hint) from error


def _cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each row of a TSV or CSV file; empty lines are no rows."""
    delimiter = DELIMITERS[path.suffix.lower()]
    text = (line for _, line in _lines(path))
    is_quoted = delimiter == ","
    rows = csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE)
    begins = 1
    try:
        for cells in rows:
            if cells:
                yield begins, cells
            begins = rows.line_num + 1
    except csv.Error as error:
        hint = "a cell with a comma, a quote or a line break stands in double quotes" if is_quoted else CONVERT
        raise DataError(f"cannot read the row: {error}", file=path, line=begins, hint=hint) from error


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers.

    Raises:
        DataError: At the first line that is not UTF-8.
    """
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                got = f"expected text in UTF-8, got the byte 0x{line[error.start]:02X} in column {error.start + 1}"
                hint = "save the file with the encoding UTF-8"
                raise DataError(got, file=path, line=number, hint=hint) from error


def _json_lines(path: Path) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in _lines(path) if not line.isspace())


def _read_json_lines(path: Path) -> pa.Table:
    import pyarrow as pa

    lines, pieces = _json_lines(path), []
    while block := list(islice(lines, ROWS_AT_ONCE)):
        rows = [_json_row(path, number, line) for number, line in block]
        columns = dict.fromkeys(name for row in rows for name in row)
        pieces.append(pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in columns}))
    return pa.concat_tables(pieces, promote_options="default") if pieces else pa.table({})


def _json_row(path: Path, number: int, line: str) -> dict[str, str | None]:
    """One line, its numbers and truth values written as text."""
    hint = 'a line is one object, such as {"graph": "g1", "head": "a", "relation": "likes", "tail": "b"}'
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"expected a JSON object: {error}", file=path, line=number, hint=hint) from error
    if not isinstance(row, dict):
        raise DataError(f"expected a JSON object, got {_shorten(row)}", file=path, line=number, hint=hint)
    for name, value in row.items():
        if isinstance(value, (list, dict)):
            message = f"column {name!r}: expected text or a number, got {_shorten(value)}"
            raise DataError(message, file=path, line=number, hint="write one line per triple")
        if value is not None and not isinstance(value, str):
            row[name] = json.dumps(value)
    return row


def _shorten(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
