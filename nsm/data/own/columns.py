"""Columns of text as ids and numbers, checked; a mistake is told with the line where it stands."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.own.files import TableFile
from nsm.errors import DataError

__all__ = ["Words", "first_rows", "read_numbers", "read_words", "require_columns"]

Index = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SIMILAR = 0.75  # how alike two names are of which one is taken for a misspelling of the other
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Words:
    """Columns of names.

    Args:
        codes: For each column and row the place of the name among the words, ``(columns, R)``.
        words: The distinct names in sorted order.
    """

    codes: Index
    words: list[str]


def require_columns(file: TableFile, needed: Sequence[str], optional: Sequence[str]) -> list[str]:
    """Checks the header: all needed columns are there, and none looks like a misspelling.

    Returns:
        The columns that mean nothing here.

    Raises:
        DataError: Naming the column.
    """
    for name in needed:
        if name not in file.columns:
            got = f"expected the columns {', '.join(needed)}, got {', '.join(file.columns)}"
            hint = f"{name!r} is missing; docs/own_data.md shows examples"
            raise DataError(got, file=file.path, line=file.header_line, hint=hint)
    ignored = [name for name in file.columns if name not in (*needed, *optional)]
    absent = [name for name in optional if name not in file.columns]
    for name in ignored:
        near = difflib.get_close_matches(name.lower(), absent, n=1, cutoff=SIMILAR)
        if near:
            hint = f"did you mean {near[0]!r}?"
            raise DataError(f"unknown column {name!r}", file=file.path, line=file.header_line, hint=hint)
    return ignored


def read_words(file: TableFile, *columns: str) -> Words:
    """Columns of names with one vocabulary; none of the names is empty.

    Raises:
        DataError: If a cell is empty, with its line.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [file.text(column) for column in columns]
    for column, text in zip(columns, texts, strict=True):
        if text.null_count:
            message = f"column {column!r}: expected a name, got nothing"
            file.fail(_first(text.is_null()), message, "fill the cell, or remove the row")
    encoded = pa.concat_arrays(texts).dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy().astype(np.int64)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    codes = place[encoded.indices.to_numpy().astype(np.int64)].reshape(len(columns), -1)
    return Words(codes, encoded.dictionary.take(order).to_pylist())


def read_numbers(
    file: TableFile,
    column: str,
    *,
    low: float = -LARGEST,
    high: float = LARGEST,
    default: float | None = None,
    is_whole: bool = False,
) -> Floats:
    """A column of numbers, ``(R,)``.

    Args:
        file: The table.
        column: Name of the column.
        low: The lowest number allowed.
        high: The highest number allowed.
        default: What an empty cell means; None refuses it.
        is_whole: Whether only whole numbers are allowed.

    Raises:
        DataError: At the first cell that does not fit, with its line.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pc.utf8_trim_whitespace(file.text(column))
    kind = "a whole number" if is_whole else "a number"
    expected = f"column {column!r}: expected {kind}" + (f" in [{low:g}, {high:g}]" if high < LARGEST else "")
    hint = "correct the number" + ("" if default is None else f", or leave the cell empty for {default:g}")
    refused = _first_refused(text)
    if refused is not None:
        file.fail(refused, f"{expected}, got {text[refused].as_py()!r}", hint)
    if default is None and text.null_count:
        file.fail(_first(text.is_null()), f"{expected}, got nothing", "fill the cell")
    filled = text.cast(pa.float64()).fill_null(0.0 if default is None else default)
    numbers = np.asarray(filled.to_numpy(), np.float64)
    is_right = (numbers >= low) & (numbers <= high)  # false for NaN
    if is_whole:
        is_right &= numbers == np.floor(numbers)
    if not is_right.all():
        row = int((~is_right).argmax())
        file.fail(row, f"{expected}, got {text[row].as_py()}", hint)
    return numbers


def first_rows(codes: Index, count: int) -> Index:
    """For each code below ``count`` the first row that has it, ``(count,)``; -1 where none has."""
    rows = np.full(count, len(codes), np.int64)
    np.minimum.at(rows, codes, np.arange(len(codes)))
    return np.where(rows < len(codes), rows, -1)


def _first(mask: Any) -> int:
    return int(np.asarray(mask.to_numpy(zero_copy_only=False)).argmax())


def _first_refused(text: Any) -> int | None:
    """The first row of an Arrow column that is no number, found by halving; None where all are."""
    import pyarrow as pa

    def is_refused(part: Any) -> bool:
        try:
            part.cast(pa.float64())
        except pa.ArrowInvalid:
            return True
        return False

    if not is_refused(text):
        return None
    start, size = 0, len(text)
    while size > 1:
        half = size // 2
        if is_refused(text.slice(start, half)):
            size = half
        else:
            start, size = start + half, size - half
    return start
