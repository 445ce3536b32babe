"""A comparison as a bar chart and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nsm.analysis.comparison import Comparison, ComparisonRow
from nsm.analysis.pages import render_page
from nsm.analysis.plots import COLOURS, CYCLE, new_figure, png_bytes, style_axes
from nsm.runs import write_text

__all__ = ["comparison_figure", "write_comparison"]

SHARES = ("accuracy", "auc", "average_precision")
EMPTY = "no run is evaluated yet, so there is nothing to compare"
MAX_NAME = 34  # characters of a model's name before it is cut


def comparison_figure(comparison: Comparison, metric: str | None = None) -> Figure:
    """Bars by domain and model with 95 % intervals, the majority line and the ceiling of each.

    Args:
        comparison: What to show; where it has no rows the figure says so.
        metric: One of its metrics; the first one by default.

    Raises:
        ValueError: If no row is of the metric.
    """
    if not comparison.rows and metric is None:
        return _empty_figure()
    name = metric or next((row.metric for row in comparison.rows), None)
    rows = [row for row in comparison.rows if row.metric == name]
    if not rows:
        raise ValueError(f"there is no row of the metric {name!r}")
    figure = new_figure(height=1.9 + 0.42 * len(rows))
    axes = style_axes(figure.subplots(), _title(str(name)), str(name).replace("_", " "), "")
    models = sorted({row.model for row in rows})
    colours = {model: COLOURS[CYCLE[number % len(CYCLE)]] for number, model in enumerate(models)}
    places = np.arange(len(rows))
    axes.barh(places, [row.mean for row in rows], height=0.64, color=[colours[row.model] for row in rows], alpha=0.6)
    kinds = _marks(axes, rows)
    for place, row in zip(places.tolist(), rows, strict=True):
        seeds = f"{row.seeds} seed{'s' if row.seeds > 1 else ''}"
        text = f"{row.mean:.1%}" if row.metric in SHARES else f"{row.mean:.3g}"
        axes.text(0.01, place, f"{text}  ({seeds})", va="center", fontsize=9, color=COLOURS["ink"],
                  transform=axes.get_yaxis_transform())  # fmt: skip
    axes.set_yticks(places, [f"{row.domain}\n{_short(row.model)}" for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    if name in SHARES:
        axes.set_xlim(0.0, 1.0)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    figure.legend(list(kinds.values()), list(kinds), fontsize=8.5, frameon=False, loc="outside lower center", ncols=3)
    return figure


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Writes the comparison as one HTML file, pictures inside, as a whole or not at all."""
    metrics = list(dict.fromkeys(row.metric for row in comparison.rows))
    figures = {metric: png_bytes(comparison_figure(comparison, metric)) for metric in metrics}
    write_text(path, render_page("comparison.html.j2", comparison=comparison, figures=figures))


def _empty_figure() -> Figure:
    figure = new_figure(height=1.2)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(0.5, 0.5, EMPTY, transform=axes.transAxes, ha="center", va="center", fontsize=11, color=COLOURS["grey"])
    return figure


def _title(metric: str) -> str:
    return f"{metric.replace('_', ' ').capitalize()} by domain and model, with 95 % intervals"


def _marks(axes: Axes, rows: Sequence[ComparisonRow]) -> dict[str, Any]:
    """Whiskers, majority lines and ceiling marks; returns one of each kind, for the legend."""
    kinds: dict[str, Any] = {}
    for place, row in enumerate(rows):
        if row.low is not None and row.high is not None:
            ends = [[max(row.mean - row.low, 0.0)], [max(row.high - row.mean, 0.0)]]
            kinds["95 % interval"] = axes.errorbar(
                [row.mean], [place], xerr=ends, fmt="none", ecolor=COLOURS["ink"], capsize=4, linewidth=1.4
            )
        if row.majority is not None:
            kinds["majority class"] = axes.vlines(
                row.majority, place - 0.42, place + 0.42, colors=COLOURS["red"], linestyles="--", linewidth=1.8
            )
        if row.ceiling is not None:
            (kinds["ceiling: the best possible"],) = axes.plot(
                [row.ceiling], [place], "D", color=COLOURS["yellow"], markeredgecolor=COLOURS["ink"], markersize=8
            )
    return kinds


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 2]}.."
