"""The picture of `quality.py`: accuracy by distance from failure to cause and by length, hierarchy and best flat."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import mean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from nsm.analysis.plots import COLOURS, new_figure, png_bytes, style_axes
from nsm.runs import replacing
from paired import Chosen, labels_of, majority
from published import CTP
from quality_glance import Runs, best_flat, by_model, read_all
from quality_sets import REFERENCE, TASKS
from trainings import beside

__all__ = ["draw"]

AXIS = {"distance": "steps from the failure back to its cause", "length": "facts of a story"}
COLUMNS, WIDTH, HEIGHT = 2, 4.6, 3.2
NUDGE = 0.07  # so that the bars of two networks do not cover each other


def draw(results: Path) -> Path | None:
    """Writes the picture beside the results.

    Returns:
        Where it is; None where there is nothing to draw.
    """
    found, panels = read_all(results), []
    for name, task in TASKS.items():
        mine = by_model(found, name)
        if REFERENCE in mine and best_flat(mine) is not None:
            asked = [(part, column) for part in task.sets for column in task.parts if column in AXIS]
            panels += [(name, mine, part, column) for part, column in asked]
    if not panels:
        return None
    rows = math.ceil(len(panels) / COLUMNS)
    figure = new_figure(height=HEIGHT * rows, width=WIDTH * COLUMNS)
    grid = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
    for axes, (name, mine, part, column) in zip(grid, panels, strict=False):
        title = name if part == "test" else f"{name}: {part}"
        style_axes(axes, title, AXIS[column], "accuracy")
        _panel(axes, mine, part, column, results / "sets")
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    picture = beside(results, ".png")
    with replacing(picture) as temporary:
        temporary.write_bytes(png_bytes(figure))
    return picture


def _panel(axes: Axes, mine: Runs, part: str, column: str, folder: Path) -> None:
    """Mean over the seeds, with the lowest and the highest seed as bars."""
    flat = best_flat(mine)
    assert flat is not None, "looked at before"
    sets = [run["sets"][part] for run in mine[REFERENCE]]
    labels = labels_of(sets, folder, column)
    places = range(len(labels))
    for number, (model, colour) in enumerate(((REFERENCE, "blue"), (flat, "orange"))):
        values = [_accuracies(mine[model], part, folder, (column, label)) for label in labels]
        means = [mean(of) for of in values]
        reach = [[m - min(of) for m, of in zip(means, values, strict=True)]]
        reach.append([max(of) - m for m, of in zip(means, values, strict=True)])
        at = [place + (2 * number - 1) * NUDGE for place in places]
        how: dict[str, Any] = {"color": COLOURS[colour], "marker": "o", "markersize": 4, "capsize": 2.5}
        axes.errorbar(at, means, yerr=reach, linewidth=1.8, elinewidth=1, label=model, **how)
    if column == "length":  # where both labels are as frequent in every part, a line of 50 % tells nothing
        chosen = [[Chosen(one, folder, (column, label)).labels for one in sets] for label in labels]
        least = [mean(majority(found) for found in of if len(found)) for of in chosen]
        grey: dict[str, Any] = {"color": COLOURS["grey"], "linewidth": 1.4}
        axes.plot(places, least, "--", label="majority", **grey)
        known = [place for place in places if labels[place] in CTP]
        axes.plot(known, [CTP[labels[place]] for place in known], ":", label="CTP, as published", **grey)
    axes.set_xticks(list(places), labels)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.legend(fontsize=8.5, frameon=False)


def _accuracies(runs: list[dict[str, Any]], part: str, folder: Path, where: tuple[str, str]) -> list[float]:
    """The accuracy of each training on a part of a set, where it has graphs."""
    chosen = [Chosen(run["sets"][part], folder, where) for run in runs]
    return [one.accuracy for one in chosen if len(one.right)] or [float("nan")]
