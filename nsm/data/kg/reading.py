"""Reads ``head<TAB>relation<TAB>tail`` files with an optional fourth column, the confidence.

A file is parsed by Arrow as a whole. Only where that fails, or where the lines have different numbers of columns, it
is read again line by line, which either succeeds or names the line at fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nsm.data.kg.graph import FACT_SPLITS, Facts, Ints, KnowledgeGraph
from nsm.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["find_files", "read_graph", "read_table"]

COLUMNS = ("head", "relation", "tail", "confidence")
SUFFIXES = (".txt", ".tsv")
HINT = "each line is head, relation, tail and perhaps a confidence in [0, 1], separated by tabs"


def find_files(folder: Path) -> dict[str, Path]:
    """The files ``train``, ``valid`` and ``test`` of a folder, ``.txt`` or ``.tsv``.

    Raises:
        DataError: If the folder or one of them is not there.
    """
    if not folder.is_dir():
        raise DataError("expected a folder with train.txt, valid.txt and test.txt", file=folder)
    files = {}
    for split in FACT_SPLITS:
        found = [folder / f"{split}{suffix}" for suffix in SUFFIXES if (folder / f"{split}{suffix}").is_file()]
        if len(found) != 1:
            came = "none" if not found else "both"
            raise DataError(f"expected one of {split}.txt and {split}.tsv, found {came}", file=folder, hint=HINT)
        files[split] = found[0]
    return files


def read_graph(
    files: dict[str, Path], name: str, *, relations: Sequence[str] | None = None, place: Path | None = None
) -> KnowledgeGraph:
    """Reads the three files of a knowledge graph.

    Vocabularies are sorted, so ids do not depend on the order of the lines. A fact that is stated twice counts once,
    with its highest confidence; one that stands in several splits stays in the first of train, valid and test.

    Args:
        files: Path of each split.
        name: Name of the data set.
        relations: The relations that are allowed; those of the train file by default.
        place: The file or folder that the relations come from, for the message; the train file by default.

    Raises:
        DataError: Naming the file and the line, if a file is malformed or empty, or has an unknown relation.
    """
    tables = {split: read_table(files[split]) for split in FACT_SPLITS}
    entities = _vocabulary([table[column] for table in tables.values() for column in ("head", "tail")])
    vocabulary = list(relations) if relations is not None else _vocabulary([tables["train"]["relation"]])
    splits: dict[str, Facts] = {}
    seen, repeated = np.empty(0, np.int64), 0
    for split, table in tables.items():
        relation = _ids(table["relation"], vocabulary)
        if (relation < 0).any():
            raise _unknown_relation(files[split], table, relation, place or files["train"])
        head, tail = _ids(table["head"], entities), _ids(table["tail"], entities)
        key = (head * len(vocabulary) + relation) * len(entities) + tail
        facts = Facts(head, relation, tail, table["confidence"].to_numpy())
        # the most confident of equal facts first, then all in the order of their ids
        order = np.lexsort((-facts.confidence, key))
        is_new = np.append(True, np.diff(key[order]) != 0) & ~np.isin(key[order], seen)
        splits[split] = facts.take(order[is_new])
        seen = np.union1d(seen, key)
        repeated += int((~is_new).sum())
    return KnowledgeGraph(name, tuple(entities), tuple(vocabulary), splits, repeated)


def read_table(path: Path) -> pa.Table:
    """The lines of one file as the text columns head, relation, tail and the float32 column confidence.

    Raises:
        DataError: Naming the file and the line, if it cannot be read, is empty, or a line is malformed.
    """
    import pyarrow as pa

    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from error
    if not content.strip():
        raise DataError("expected facts, got an empty file", file=path, hint=HINT)
    try:
        table = _parse(content)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        table = None
    return table if table is not None and _is_sound(table) else _parse_lines(content, path)


def _parse(content: bytes) -> pa.Table:
    """All lines at once; the number of columns is that of the first line."""
    import pyarrow as pa
    from pyarrow import csv

    names = COLUMNS[: max(3, content.lstrip().split(b"\n", 1)[0].count(b"\t") + 1)]
    kinds = {name: pa.string() for name in COLUMNS[:3]} | {"confidence": pa.float32()}
    table = csv.read_csv(
        pa.BufferReader(content),
        read_options=csv.ReadOptions(column_names=names, use_threads=False),
        parse_options=csv.ParseOptions(delimiter="\t", quote_char=False, escape_char=False),
        convert_options=csv.ConvertOptions(column_types=kinds, null_values=[], strings_can_be_null=False),
    )
    if "confidence" not in table.column_names:
        table = table.append_column("confidence", pa.array(np.ones(len(table), np.float32)))
    return table


def _is_sound(table: pa.Table) -> bool:
    import pyarrow.compute as pc

    confidence = table["confidence"].to_numpy()
    has_names = not any(pc.any(pc.equal(table[column], "")).as_py() for column in COLUMNS[:3])
    return has_names and bool(((confidence >= 0) & (confidence <= 1)).all())


def _parse_lines(content: bytes, path: Path) -> pa.Table:
    """The same line by line; raises at the first that is malformed."""
    import pyarrow as pa

    rows: list[tuple[str, str, str, float]] = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            text = line.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            got = f"expected text in UTF-8, got the byte 0x{line[error.start]:02x} in column {error.start + 1}"
            raise DataError(got, file=path, line=number, hint="save the file as UTF-8") from error
        if text.strip():
            rows.append(_parse_line(text, path, number))
    columns = list(zip(*rows, strict=True))
    arrays = [pa.array(column, pa.string()) for column in columns[:3]]
    return pa.table(dict(zip(COLUMNS, [*arrays, pa.array(columns[3], pa.float32())], strict=True)))


def _parse_line(text: str, path: Path, number: int) -> tuple[str, str, str, float]:
    cells = text.split("\t")
    if len(cells) not in (3, 4):
        raise DataError(f"expected 3 or 4 columns, got {len(cells)}: {text!r}", file=path, line=number, hint=HINT)
    if "" in cells[:3]:
        column = COLUMNS[cells.index("")]
        raise DataError(f"expected a name as the {column}, got nothing: {text!r}", file=path, line=number, hint=HINT)
    try:
        confidence = float(cells[3]) if len(cells) == 4 else 1.0
    except ValueError:
        confidence = float("nan")
    if not 0 <= confidence <= 1:
        got = f"expected a confidence in [0, 1], got {cells[3]!r}"
        raise DataError(got, file=path, line=number, hint=HINT)
    return cells[0], cells[1], cells[2], confidence


def _vocabulary(columns: Sequence[pa.ChunkedArray]) -> list[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    chunks = [chunk for column in columns for chunk in column.chunks]
    return sorted(pc.unique(pa.chunked_array(chunks, pa.string())).to_pylist())


def _ids(column: pa.ChunkedArray, vocabulary: Sequence[str]) -> Ints:
    """Position of each text in the vocabulary, -1 where it is not in it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.index_in(column, value_set=pa.array(vocabulary, pa.string()))
    return np.asarray(found.fill_null(-1).to_numpy(), np.int64)


def _unknown_relation(path: Path, table: pa.Table, relation: Ints, place: Path) -> DataError:
    row = int(np.flatnonzero(relation < 0)[0])
    triple = [table[column][row].as_py() for column in COLUMNS[:3]]
    wanted = [cell.encode() for cell in triple]
    lines = enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(), start=1)
    line = next(number for number, text in lines if text.split(b"\t")[:3] == wanted)
    hint = "a relation without training facts cannot be learned; leave its facts out"
    got = f"expected a relation that occurs in {place}, got {triple[1]!r}"
    return DataError(got, file=path, line=line, hint=hint)
