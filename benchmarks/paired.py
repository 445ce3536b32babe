"""What trainings left of a set, graph by graph, and the differences between them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.analysis.breakdown import DISTANCES
from nsm.analysis.statistics import SeededDifference, seeded_difference, t_interval
from nsm.errors import DataError

__all__ = [
    "TRAINED",
    "Chosen",
    "difference",
    "labels_of",
    "majority",
    "read_result",
    "read_results",
    "span",
    "told",
    "verdict",
]

Array = npt.NDArray[Any]
Figures = dict[str, Any]

EVERYTHING = ("", "")
TRAINED = ("parameters", "channels", "epochs", "best_val_acc", "seconds", "processor_seconds", "quick", "circumstances")
"""What every training leaves, see `trainings.py`."""
NUMBERED = "causal"  # the task whose groups have no names but numbers


def read_results(
    results: Path, needed: Sequence[str] = (), sets: Callable[[Figures], Sequence[str]] = lambda _: ()
) -> list[Figures]:
    """What all trainings left, those of one kind by their seeds.

    Args:
        results: Folder of the files.
        needed: Figures that each of them has to have.
        sets: Gives the evaluation sets that it has to have figures of.

    Raises:
        DataError: If a file is not what a training leaves.
    """
    return [read_result(file, needed, sets) for file in sorted(results.glob("*.json"), key=_by_seed)]


def read_result(
    file: Path, needed: Sequence[str] = (), sets: Callable[[Figures], Sequence[str]] = lambda _: ()
) -> Figures:
    """What one training left; see :func:`read_results`.

    Raises:
        DataError: If the file is not what a training leaves.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DataError("expected the figures of a training as JSON", file=file, hint="delete it and repeat it")
    lacking = [f"the figure {key!r}" for key in needed if key not in found]
    lacking = lacking or [f"the set {name!r}" for name in sets(found) if name not in found["sets"]]
    if lacking:
        raise DataError(f"expected {lacking[0]}, got none", file=file, hint="delete it and repeat it")
    return found


def _by_seed(file: Path) -> tuple[str, int]:
    """The name of a result without its number, and the number, of which 10 comes after 9."""
    name, _, number = file.stem.rpartition("_")
    return (name, int(number)) if number.isdecimal() else (file.stem, 0)


class Chosen:
    """The outcomes of a run on a set, or on a part of it.

    Args:
        found: What the run left of the set.
        folder: Where the graphs are described.
        where: A column of the description and a value of it.
        is_numbered: Whether groups have only numbers, which mean others in other data; elsewhere a group of one name
            is the same in all data, and trainings of several seeds that are tested on it share it.
    """

    def __init__(
        self, found: Figures, folder: Path, where: tuple[str, str] = EVERYTHING, *, is_numbered: bool = True
    ) -> None:
        items = _items(folder, found["items"])
        bits = np.frombuffer(base64.b64decode(found["right"]), np.uint8)
        right = np.unpackbits(bits, count=found["samples"]).astype(bool)
        nothing = np.zeros(found["samples"], bool)
        at = ~nothing if where == EVERYTHING else _masks(items, where[0]).get(where[1], nothing)
        self.right, self.labels = right[at], items["label"][at]
        scope = f"{str(items['fingerprint'])[:16]}:" if is_numbered else ""
        self.groups = np.char.add(scope, items["group"][at].astype(str))
        ceilings = items["ceiling"][at] if "ceiling" in items else np.array([np.nan])
        self.ceiling = None if not len(ceilings) or np.isnan(ceilings).any() else float(ceilings.mean())

    @property
    def accuracy(self) -> float:
        """Share of the graphs that were judged rightly; ``nan`` where there are none."""
        return float(self.right.mean()) if len(self.right) else float("nan")


def labels_of(found: Sequence[Figures], folder: Path, part: str) -> list[str]:
    """The values of a column in some sets, in order: ranges by their numbers, words by the alphabet."""

    def place(label: str) -> tuple[int, str]:
        first = label.split("-")[0].rstrip("+")
        return (int(first), "") if first.isdecimal() else (0, label)

    return sorted({label for one in found for label in _masks(_items(folder, one["items"]), part)}, key=place)


@cache
def _items(folder: Path, name: str) -> dict[str, Array]:
    with np.load(folder / f"{name}.npz", allow_pickle=False) as stored:
        return dict(stored)


def _masks(items: dict[str, Array], part: str) -> dict[str, Array]:
    """Which graphs are in each part of a set."""
    if part not in items:
        return {}
    column = items[part]
    if part == "length":
        return {f"{value:.0f}": column == value for value in np.unique(column)}
    if part != "distance":
        return {str(value): column == value for value in np.unique(column)}
    bounds = {(f"{low}-{high}" if high else f"{low}+"): (low, high or np.inf) for low, high in DISTANCES}
    masks = {label: (column >= low) & (column <= high) for label, (low, high) in bounds.items()}
    return {label: mask for label, mask in masks.items() if mask.any()}


def difference(
    runs: Sequence[Figures], others: Sequence[Figures], name: str, folder: Path, where: tuple[str, str] = EVERYTHING
) -> SeededDifference | None:
    """The difference over the seeds that both have, on the same graphs.

    Args:
        runs: Trainings of one model.
        others: Of the one that is subtracted.
        name: Name of the set.
        folder: Where the graphs are described.
        where: A part of the set.
    """
    partner = {(run["seed"], run["sets"][name]["items"]): run["sets"][name] for run in others}
    pairs = []
    for run in runs:
        found = run["sets"][name]
        other = partner.get((run["seed"], found["items"]))
        if other is not None:
            one, two = (Chosen(each, folder, where, is_numbered=run.get("task") == NUMBERED) for each in (found, other))
            if len(one.right):
                pairs.append((one.right, two.right, one.groups))
    return seeded_difference(pairs) if pairs else None


def told(found: SeededDifference | None) -> str:
    """A difference in points, with the bootstrap's interval, Student's over the seeds, and the number of seeds."""
    if found is None:
        return ""
    ends = [f"{100 * found.low:+.2f} to {100 * found.high:+.2f}"]
    if len(found.by_seed) == 1:
        return f"{100 * found.difference:+.2f} ({ends[0]}; one seed)"
    student = t_interval(np.array(found.by_seed))
    ends += [f"t {100 * student.low:+.2f} to {100 * student.high:+.2f}", f"{len(found.by_seed)} seeds"]
    return f"{100 * found.difference:+.2f} ({'; '.join(ends)})"


def verdict(found: SeededDifference | None) -> str:
    """On which side of 0 both intervals lie.

    A bootstrap of few seeds is too narrow where they differ much, and Student's interval knows nothing of the graphs
    where they do not, so neither decides alone.
    """
    if found is None:
        return ""
    if len(found.by_seed) == 1:
        return "one seed"
    student = t_interval(np.array(found.by_seed))
    low, high = min(found.low, student.low), max(found.high, student.high)
    return "better" if low > 0 else "worse" if high < 0 else "undecided"


def span(values: Sequence[float]) -> str:
    """Mean of shares in per cent with Student's interval, which ends at 0 and at 100."""
    if not values:
        return ""
    if len(values) == 1:
        return f"{100 * values[0]:.1f} (one seed)"
    interval = t_interval(np.array(values))
    low, high = max(interval.low, 0.0), min(interval.high, 1.0)
    return f"{100 * mean(values):.1f} ({100 * low:.1f} to {100 * high:.1f})"


def majority(labels: Array) -> float:
    """Share of the most frequent label."""
    return float(np.bincount(labels).max() / len(labels))
