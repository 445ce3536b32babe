"""What a benchmark must show, and how its figures are told."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from timing import listed

__all__ = ["Target", "finish"]


@dataclass(frozen=True)
class Target:
    """One figure with its limit.

    Attributes:
        name: What was measured.
        value: The figure.
        limit: The least that it must be, or the most that it may be.
        is_most: Which of the two.
    """

    name: str
    value: float
    limit: float
    is_most: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the figure keeps the limit."""
        return self.value <= self.limit if self.is_most else self.value >= self.limit


def finish(
    lines: Sequence[str],
    targets: Sequence[Target],
    about: Mapping[str, object],
    figures: Mapping[str, Any],
    file: Path | None,
) -> None:
    """Prints the tables and the targets as Markdown, writes JSON, and exits with status 1 where a target is missed."""
    rows = [*listed(about), *lines, "", "### Targets", "", "| | measured | target | |", "|---|---:|---:|---|"]
    for target in targets:
        sign = "at most" if target.is_most else "at least"
        met = "met" if target.is_met else "**missed**"
        rows.append(f"| {target.name} | {target.value:.3g} | {sign} {target.limit:g} | {met} |")
    print("\n".join(rows))
    if file is not None:
        told = [{**asdict(target), "is_met": target.is_met} for target in targets]
        text = json.dumps({"about": dict(about), **figures, "targets": told}, indent=2)
        file.write_text(text + "\n", encoding="utf-8")
        file.with_suffix(".md").write_text("\n".join(rows) + "\n", encoding="utf-8")
    if not all(target.is_met for target in targets):
        sys.exit(1)
