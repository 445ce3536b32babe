"""Tables of results: as text for a terminal, as HTML for a notebook, as plain values for programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

__all__ = ["Table"]

LONG = 300  # rows that a page shows
Row = tuple[Any, ...]


@dataclass(frozen=True, repr=False)
class Table:
    """Named columns and rows; a notebook shows it as HTML.

    Args:
        columns: Names of the columns.
        rows: One value for each column; None where there is none.
        title: What is shown.
        formats: How the numbers of a column are written, as ``format`` wants it; three significant digits otherwise.

    Example:
        >>> print(Table(("layer", "share"), [("encoder", 0.25), ("readout", None)], formats={"share": ".0%"}).to_text())
        layer    share
        encoder    25%
        readout
    """

    columns: tuple[str, ...]
    rows: Sequence[Row]
    title: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return replace(self, rows=self.rows[:LONG]).to_text()

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> list[Any]:
        """The values of one column, from top to bottom."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def sort(self, name: str, *, descending: bool = False) -> Table:
        """The same rows by the values of a column; rows without a value come last."""
        place = self.columns.index(name)
        known = [row for row in self.rows if row[place] is not None]
        unknown = [row for row in self.rows if row[place] is None]
        return replace(self, rows=[*sorted(known, key=lambda row: row[place], reverse=descending), *unknown])

    def filter(self, is_wanted: Callable[[dict[str, Any]], bool]) -> Table:
        """The rows for which ``is_wanted`` holds; it is given a row as a dictionary."""
        kept = [row for row in self.rows if is_wanted(dict(zip(self.columns, row, strict=True)))]
        return replace(self, rows=kept)

    def to_json(self) -> list[dict[str, Any]]:
        """The rows as plain dictionaries; a number that is not finite is None."""
        return [dict(zip(self.columns, map(_plain, row), strict=True)) for row in self.rows]

    def to_text(self) -> str:
        """Aligned columns, numbers to the right."""
        cells = [list(self.columns), *self.cells()]
        widths = [max(len(line[place]) for line in cells) for place in range(len(self.columns))]
        numeric = [self.is_numeric(name) for name in self.columns]
        lines = [
            "  ".join(
                cell.rjust(width) if is_number else cell.ljust(width)
                for cell, width, is_number in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in cells
        ]
        return "\n".join([*([self.title] if self.title else []), *lines])

    def _repr_html_(self) -> str:
        """What a notebook shows; colours are those of its theme. A long table is cut: a page is slow with it."""
        sides = ["right" if is_number else "left" for is_number in map(self.is_numeric, self.columns)]
        head = "".join(f'<th style="text-align:{s}">{escape(n)}</th>' for n, s in zip(self.columns, sides, strict=True))
        body = "".join(
            "<tr>"
            + "".join(
                f'<td style="text-align:{side};white-space:pre-line">{escape(cell)}</td>'
                for cell, side in zip(row, sides, strict=True)
            )
            + "</tr>"
            for row in replace(self, rows=self.rows[:LONG]).cells()
        )
        title = self.title if len(self) <= LONG else f"{self.title} (the first {LONG} of {len(self):,} rows)".lstrip()
        caption = f'<caption style="text-align:left;font-weight:bold">{escape(title)}</caption>'
        return f"<table>{caption if title else ''}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def cells(self) -> list[list[str]]:
        """The rows as they are written."""
        return [
            [_written(value, self.formats.get(name)) for name, value in zip(self.columns, row, strict=True)]
            for row in self.rows
        ]

    def is_numeric(self, name: str) -> bool:
        """Whether a column holds numbers, which are written to the right."""
        return any(isinstance(value, int | float) and not isinstance(value, bool) for value in self.column(name))


def _written(value: Any, spec: str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return format(value, spec or (",d" if isinstance(value, int) else ".3g"))
    if isinstance(value, list | tuple):
        return " x ".join(map(str, value))
    return str(value)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
