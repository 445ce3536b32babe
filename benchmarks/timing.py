"""Rivals timed in turn, so that a busy machine slows all of them alike."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import nsm

__all__ = ["Contest", "Row", "circumstances", "listed", "markdown", "race", "tables"]


@dataclass(frozen=True)
class Row:
    """One rival.

    Attributes:
        name: Which one.
        milliseconds: Median processor time of one run.
        fastest: The fastest run.
        slowest: The slowest run.
        ratio: Median over the rounds of its time divided by the first rival's in the same round.
        note: For instance the number of parameters.
    """

    name: str
    milliseconds: float
    fastest: float
    slowest: float
    ratio: float
    note: str = ""


@dataclass(frozen=True)
class Contest:
    """A table of rivals, the first one being what the others are compared with."""

    title: str
    rows: list[Row]


def race(
    title: str,
    rivals: Mapping[str, Callable[[int], object]],
    rounds: int,
    notes: Mapping[str, str] | None = None,
) -> Contest:
    """Runs every rival once per round, after one round that does not count.

    Args:
        title: What they compete in.
        rivals: Functions of the number of the round; the first is the reference.
        rounds: Number of rounds that count.
        notes: A note for some of them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(rounds + 1):
        for name, run in rivals.items():
            begin = time.process_time()
            run(number)
            if number:
                seconds[name].append(time.process_time() - begin)
    reference = next(iter(seconds.values()))
    rows = [
        Row(
            name,
            1e3 * statistics.median(spent),
            1e3 * min(spent),
            1e3 * max(spent),
            statistics.median(own / other for own, other in zip(spent, reference, strict=True)),
            (notes or {}).get(name, ""),
        )
        for name, spent in seconds.items()
    ]
    return Contest(title, rows)


def circumstances(packages: Sequence[str], **more: object) -> dict[str, object]:
    """Command, machine, and versions of ``packages`` and of NSM, to be printed with the figures."""
    return {
        "command": " ".join(["python", *sys.argv]),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, one thread used",
        "python": platform.python_version(),
        "nsm": nsm.__version__,
        "revision": _revision(),
        **{package: _version(package) for package in packages},
        **more,
    }


def _revision() -> str:
    """The commit of this checkout that the figures were made with, and whether files but results differ from it."""
    git = ("git", "-C", str(Path(__file__).parents[1]))
    asked = (*git, "rev-parse", "--short=10", "HEAD"), (*git, "status", "--short", "-uno", ".", ":!benchmarks/results")
    try:
        commit, changed = (
            subprocess.run(one, capture_output=True, text=True, check=True).stdout.strip() for one in asked
        )
    except (OSError, subprocess.CalledProcessError):
        return "not a checkout"
    return f"{commit}, changed" if changed else commit


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def listed(about: Mapping[str, object]) -> list[str]:
    """The circumstances as a list in Markdown."""
    return [f"- {key}: {value}" for key, value in about.items()]


def markdown(contests: list[Contest], about: Mapping[str, object]) -> str:
    """The circumstances and the tables as Markdown."""
    return "\n".join([*listed(about), *tables(contests)])


def tables(contests: list[Contest]) -> list[str]:
    """The tables as lines of Markdown."""
    lines = []
    for contest in contests:
        lines += ["", f"### {contest.title}", "", "| | ms, median | fastest to slowest | times the first | |"]
        lines.append("|---|---:|---:|---:|---|")
        for row in map(asdict, contest.rows):
            span = f"{row['fastest']:.1f} to {row['slowest']:.1f}"
            cells = (row["name"], f"{row['milliseconds']:.1f}", span, f"{row['ratio']:.2f}", row["note"])
            lines.append(f"| {' | '.join(cells)} |")
    return lines
