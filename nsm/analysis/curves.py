"""Curves over the epochs of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nsm.analysis.plots import COLOURS, CYCLE, DASHED, new_figure, percent, style_axes
from nsm.analysis.run_states import best_row

__all__ = ["POINTS", "draw_curve", "draw_curves", "mark_best", "points_of", "training_curves"]

POINTS = 400
"""A curve of more points is thinned out: a figure has no more pixels to show them."""


def training_curves(history: Sequence[Mapping[str, Any]], majority: float | None = None) -> Figure:
    """Loss by term and accuracy over the epochs, with the majority line and the best epoch.

    Args:
        history: The lines of ``history.jsonl``: an ``epoch`` and its ``metrics``, of which those that end in
            ``loss``
            or ``acc`` are drawn (``train_task_loss``, ``val_acc``, ...). A line may lack any of them.
        majority: Accuracy of always answering the most frequent label.
    """
    figure = new_figure()
    losses, accuracies = figure.subplots(1, 2)
    style_axes(losses, "Loss by term", "epoch", "loss")
    style_axes(accuracies, "Accuracy", "epoch", "accuracy")
    rows: list[dict[str, Any]] = [{"epoch": line["epoch"], **line["metrics"]} for line in history]
    draw_curves(losses, rows, "loss")
    draw_curves(accuracies, rows, "acc")
    if majority is not None:
        accuracies.axhline(majority, **DASHED, label="majority class")
    mark_best(accuracies, rows)
    accuracies.yaxis.set_major_formatter(percent)
    for axes in (losses, accuracies):
        axes.xaxis.get_major_locator().set_params(integer=True)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize=8.5, frameon=False)
    return figure


def draw_curves(axes: Axes, rows: Sequence[Mapping[str, Any]], ending: str) -> None:
    """Draws every figure whose name ends so: dotted for training, solid for validation, one colour for each term."""
    names = sorted({name for row in rows for name in row if name.endswith(ending)})
    terms = sorted({name.partition("_")[2] for name in names}, key=len)
    for name in names:
        part, _, term = name.partition("_")
        label = name.replace("_", " ").replace("acc", "accuracy").replace("val ", "validation ")
        colour = COLOURS[CYCLE[terms.index(term) % len(CYCLE)]]
        draw_curve(axes, points_of(rows, name), colour, label, style="-" if part == "val" else ":")


def draw_curve(
    axes: Axes, points: tuple[list[float], list[float]], colour: str, label: str | None = None, style: str = "-"
) -> None:
    """Draws one curve, with marks where it has few points, and thinned out where it has many."""
    epochs, values = _thinned(*points)
    marker = "o" if len(epochs) < 3 else None
    axes.plot(epochs, values, style, color=colour, linewidth=1.8, marker=marker, markersize=4, label=label)


def points_of(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[list[float], list[float]]:
    """The epochs that have a figure, and its values."""
    found = [(row["epoch"], row[name]) for row in rows if isinstance(row.get(name), int | float)]
    return [epoch for epoch, _ in found], [value for _, value in found]


def _thinned(epochs: list[float], values: list[float]) -> tuple[list[float], list[float]]:
    """At most ``POINTS`` points, evenly spaced, and the lowest and the highest one."""
    if len(values) <= POINTS:
        return epochs, values
    even = np.linspace(0, len(values) - 1, POINTS).round().astype(int)
    chosen = np.union1d(even, [int(np.argmin(values)), int(np.argmax(values))]).tolist()
    return [epochs[at] for at in chosen], [values[at] for at in chosen]


def mark_best(axes: Axes, history: Sequence[Mapping[str, Any]]) -> None:
    """A star at the validation whose weights were kept."""
    rows = [row for row in history if row.get("val_acc") is not None]
    if rows:
        best = best_row(rows)
        axes.plot(
            best["epoch"], best["val_acc"], "*", color=COLOURS["red"], markersize=12,
            label=f"best: {best['val_acc']:.1%} at epoch {best['epoch']}",
        )  # fmt: skip
