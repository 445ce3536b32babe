"""Progress bars as HTML and as text: plain values in, markup out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Bar", "bars_html", "bars_text"]

WIDTH = 24  # characters


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        name: What is counted.
        done: So many of them are finished; a fraction of one counts.
        total: So many there are; 0 where that is not known.
        figures: What is said beside it.
    """

    name: str
    done: float
    total: float
    figures: str = ""

    @property
    def share(self) -> float:
        """What part is finished, from 0 to 1."""
        return min(1.0, max(0.0, self.done / self.total)) if self.total else 0.0

    @property
    def count(self) -> str:
        """How many of how many."""
        return f"{int(self.done):,}/{int(self.total):,}" if self.total else f"{int(self.done):,}"


def bars_text(bars: Sequence[Bar], line: str = "") -> str:
    """The bars, one below the other, and a line below them.

    Example:
        >>> print(bars_text([Bar("epoch", 3, 10, "5 min left")], "running"))
        epoch    ███████·················       3/10  5 min left
        running
    """
    rows = []
    for bar in bars:
        full = round(WIDTH * bar.share)
        rows.append(f"{bar.name:<8} {'█' * full}{'·' * (WIDTH - full)} {bar.count:>10}  {bar.figures}".rstrip())
    return "\n".join([*rows, *([line] if line else [])])


def bars_html(bars: Sequence[Bar], line: str = "") -> str:
    """The same for a page: colours that read on light and dark ground, no script, no style sheet."""
    rows = "".join(
        f'<tr style="background:none"><td style="text-align:left;padding:1px 8px">{escape(bar.name)}</td>'
        f'<td style="padding:1px 8px"><div style="width:260px;height:12px;background:rgba(128,128,128,.3)">'
        f'<div style="width:{100 * bar.share:.1f}%;height:12px;background:#0072B2"></div></div></td>'
        f'<td style="text-align:right;padding:1px 8px">{escape(bar.count)}</td>'
        f'<td style="text-align:left;padding:1px 8px">{escape(bar.figures)}</td></tr>'
        for bar in bars
    )
    table = f'<table style="margin:0;border:none;color:inherit;font-size:inherit">{rows}</table>' if rows else ""
    return f'<div>{table}<div style="padding:2px 8px;white-space:pre-line">{escape(line)}</div></div>'
