"""The tables of `quality.py`, from the files that its trainings left."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.analysis.breakdown import DISTANCES
from nsm.analysis.statistics import SeededDifference, seeded_difference, t_interval
from quality_sets import FLAT, MODELS, REFERENCE, TASKS, Task
from timing import listed

__all__ = ["best_flat", "markdown"]

Array = npt.NDArray[Any]
Figures = dict[str, Any]

HEAD = """# Quality

Made by `python benchmarks/quality.py`. Accuracy in per cent: mean over the seeds with Student's 95 % interval.
Difference: less the best flat network, in points, on the same graphs and seeds, with the 95 % interval of a bootstrap
that draws seeds and whole groups. The best flat network of a task is the one of the highest mean accuracy on the
validation split; the test sets take no part in that. Every network has as many parameters as the hierarchy, within 5 %.
Training: wall clock (on a machine that others used at the same time) and the processor time of the loop."""


def markdown(results: Path) -> str:
    """All tables."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(results.glob("*.json"))]
    lines = [HEAD, ""]
    if any(figures["quick"] for figures in found):
        lines += ["**A quick look at tiny data: these figures say nothing about quality.**", ""]
    if found:
        lines += listed({key: value for key, value in found[-1]["circumstances"].items() if key != "command"})
    for name, task in TASKS.items():
        mine = {model: [f for f in found if (f["task"], f["model"]) == (name, model)] for model in MODELS}
        mine = {model: runs for model, runs in mine.items() if runs}
        if mine:
            lines += ["", f"## {name}", "", task.seeks, *_sizes(mine)]
            for part in ["test", *task.others]:
                lines += _set(part, task, mine, results)
    return "\n".join(lines) + "\n"


def best_flat(mine: dict[str, list[Figures]]) -> str | None:
    """The flat network that does best on the validation split; None where there is none."""
    scores = {name: mean(run["best_val_acc"] for run in mine[name]) for name in FLAT if name in mine}
    return max(scores, key=lambda name: scores[name]) if scores else None


def _sizes(mine: dict[str, list[Figures]]) -> list[str]:
    """What each model is and costs."""
    lines = ["", "| model | parameters | channels | seeds | validation | training, s | processor, s |"]
    lines.append("|---|---:|---:|---|---:|---:|---:|")
    for model, runs in mine.items():
        size, channels = runs[0]["parameters"], runs[0]["channels"]
        cells = [model, "" if size is None else f"{size:,}", "" if channels is None else str(channels)]
        cells.append(", ".join(str(run["seed"]) for run in runs))
        cells.append(_mean(runs, "best_val_acc", 100, 1))
        cells += [_mean(runs, "seconds", 1, 0), _mean(runs, "processor_seconds", 1, 0)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _mean(runs: Sequence[Figures], key: str, factor: float, digits: int) -> str:
    values = [run[key] for run in runs if run[key] is not None]
    return f"{factor * mean(values):.{digits}f}" if values else ""


def _set(name: str, task: Task, mine: dict[str, list[Figures]], results: Path) -> list[str]:
    """One evaluation set: all models, then its parts."""
    flat, folder = best_flat(mine), results / "sets"
    sets = [run["sets"][name] for runs in mine.values() for run in runs]
    majority = mean(_majority(_items(folder, one["items"])["label"]) for one in sets)
    sizes = " and ".join(f"{size:,}" for size in sorted({one["samples"] for one in sets}))
    told = f"{sizes} graphs for each seed; majority {majority:.1%}"
    ceilings = [one["ceiling"] for one in sets if one.get("ceiling") is not None]
    told += f"; ceiling {mean(ceilings):.1%}" if ceilings else ""
    lines = ["", f"### {name}", "", f"{told}.", "", f"| model | accuracy | less {flat or 'a flat network'} | |"]
    lines.append("|---|---|---|---|")
    for model, runs in mine.items():
        difference = _difference(runs, mine.get(flat or "", []), name, folder) if model != flat else None
        span = _span([run["sets"][name]["accuracy"] for run in runs])
        is_low = mean(run["sets"][name]["accuracy"] for run in runs) < majority + task.least.get(name, 0)
        failed = f"failed: not {task.least[name]:.0%} above the majority" if name in task.least and is_low else ""
        lines.append(f"| {model} | {span} | {_told(difference)} | {failed} |")
    for part in task.parts:
        lines += _parts(name, part, mine, flat, folder)
    return lines


def _parts(name: str, part: str, mine: dict[str, list[Figures]], flat: str | None, folder: Path) -> list[str]:
    """The reference beside the best flat network, part by part."""
    runs, others = mine.get(REFERENCE, []), mine.get(flat or "", [])
    labels = dict.fromkeys(label for run in runs for label in _masks(_items(folder, run["sets"][name]["items"]), part))
    if not labels or not others:
        return []
    lines = ["", f"| {part} | graphs | majority | ceiling | {REFERENCE} | {flat} | difference |"]
    lines.append("|---|---:|---:|---:|---|---|---|")
    for label in sorted(labels, key=_place):
        chosen = [_Chosen(run["sets"][name], folder, part, label) for run in runs]
        theirs = [_Chosen(run["sets"][name], folder, part, label) for run in others]
        majority = mean(_majority(one.labels) for one in chosen if len(one.labels))
        ceilings = [one.ceiling for one in chosen if one.ceiling is not None]
        ceiling = f"{100 * mean(ceilings):.1f}" if ceilings else ""
        spans = [_span([float(one.right.mean()) for one in found if len(one.right)]) for found in (chosen, theirs)]
        difference = _difference(runs, others, name, folder, (part, label))
        size = f"{sum(len(one.right) for one in chosen):,}"
        lines.append(
            f"| {label} | {size} | {100 * majority:.1f} | {ceiling} | {' | '.join(spans)} | {_told(difference)} |"
        )
    return lines


def _place(label: str) -> tuple[int, str]:
    """Ranges in the order of their numbers, words by the alphabet."""
    first = label.split("-")[0].rstrip("+")
    return (int(first), "") if first.isdecimal() else (0, label)


class _Chosen:
    """The outcomes of a run on some graphs of a set."""

    def __init__(self, found: Figures, folder: Path, part: str = "", label: str = "") -> None:
        items = _items(folder, found["items"])
        bits = np.frombuffer(base64.b64decode(found["right"]), np.uint8)
        right = np.unpackbits(bits, count=found["samples"]).astype(bool)
        nothing = np.zeros(found["samples"], bool)
        at = _masks(items, part).get(label, nothing) if part else ~nothing
        self.right, self.labels = right[at], items["label"][at]
        self.groups = np.char.add(f"{str(items['fingerprint'])[:16]}:", items["group"][at].astype(str))
        ceilings = items["ceiling"][at] if "ceiling" in items else np.array([np.nan])
        self.ceiling = None if not len(ceilings) or np.isnan(ceilings).any() else float(ceilings.mean())


@cache
def _items(folder: Path, name: str) -> dict[str, Array]:
    with np.load(folder / f"{name}.npz", allow_pickle=False) as stored:
        return dict(stored)


def _masks(items: dict[str, Array], part: str) -> dict[str, Array]:
    """Which graphs are in each part of a set."""
    if part not in items:
        return {}
    column = items[part]
    if part != "distance":
        return {str(value): column == value for value in np.unique(column)}
    bounds = {(f"{low}-{high}" if high else f"{low}+"): (low, high or np.inf) for low, high in DISTANCES}
    masks = {label: (column >= low) & (column <= high) for label, (low, high) in bounds.items()}
    return {label: mask for label, mask in masks.items() if mask.any()}


def _difference(
    runs: Sequence[Figures], others: Sequence[Figures], name: str, folder: Path, where: tuple[str, str] = ("", "")
) -> SeededDifference | None:
    """The difference over the seeds that both have, on the same graphs."""
    partner = {(run["seed"], run["sets"][name]["items"]): run["sets"][name] for run in others}
    pairs = []
    for run in runs:
        found = run["sets"][name]
        other = partner.get((run["seed"], found["items"]))
        if other is not None:
            one, two = _Chosen(found, folder, *where), _Chosen(other, folder, *where)
            if len(one.right):
                pairs.append((one.right, two.right, one.groups))
    return seeded_difference(pairs) if pairs else None


def _told(found: SeededDifference | None) -> str:
    if found is None:
        return ""
    seeds = f"; {len(found.by_seed)} seeds" if len(found.by_seed) > 1 else "; one seed"
    return f"{100 * found.difference:+.2f} ({100 * found.low:+.2f} to {100 * found.high:+.2f}{seeds})"


def _span(values: Sequence[float]) -> str:
    if not values:
        return ""
    if len(values) == 1:
        return f"{100 * values[0]:.1f} (one seed)"
    interval = t_interval(np.array(values))
    return f"{100 * mean(values):.1f} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"


def _majority(labels: Array) -> float:
    return float(np.bincount(labels).max() / len(labels))
