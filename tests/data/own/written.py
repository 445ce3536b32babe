"""Tables written in every format, for tests of what reads them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nsm.data.own.files import TableFile, open_table
from nsm.data.own.triple_table import TripleTable, read_triples

Columns = Mapping[str, Sequence[object]]
ENDINGS = (".tsv", ".csv", ".jsonl", ".parquet")
TRIPLES: Columns = {
    "graph": ["g2", "g1", "g1", "g10"],
    "head": ["b", "b", "é\u4e16", "b"],
    "relation": ["likes", "likes", "knows", "is"],
    "tail": ["a", "c", "b", "b"],
    "confidence": [0.25, 1, 0.1, 0],
    "level": [1, 2, 255, 1],
    "label": ["yes", "no", "no", "yes"],
}


def write(path: Path, columns: Columns) -> Path:
    """A table in the format that the ending says."""
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    if path.suffix == ".parquet":
        pq.write_table(pa.table(dict(columns)), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, delimiter="\t" if path.suffix == ".tsv" else ",", lineterminator="\n")
            writer.writerows([list(columns), *(row.values() for row in rows)])
    return path


def table(folder: Path, columns: Columns, name: str = "table.csv") -> TableFile:
    """A table, written and opened."""
    return open_table(write(folder / name, columns))


def triples(folder: Path, columns: Columns = TRIPLES) -> TripleTable:
    """A table of triples, written and read."""
    return read_triples(table(folder, columns, "triples.csv"))
