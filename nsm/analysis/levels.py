"""How well each level is reconstructed on the way down: with the stored details, and from the abstract level alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nsm.analysis.plots import COLOURS, CYCLE, new_figure, style_axes

__all__ = ["LEVEL_METRIC", "level_curves", "levels_figure"]

LEVEL_METRIC = "val_reconstruction_level_"
"""How a history names the error of a level without details; the number of the level follows."""


def levels_figure(evaluation: Mapping[str, Any], history: Sequence[Mapping[str, Any]] = ()) -> Figure:
    """Reconstruction by level after training, and how it developed over the epochs.

    Args:
        evaluation: With ``reconstruction_by_level``, as an evaluation writes it.
        history: Lines of the history; the right side is left out where none of them tells of reconstruction.

    Raises:
        ValueError: If the evaluation has no levels.
    """
    rows = evaluation.get("reconstruction_by_level") or []
    if not rows:
        raise ValueError("the evaluation has no reconstruction by level: the model has one level only")
    curves = _reconstruction_curves(history)
    figure = new_figure(height=3.9)
    panels = figure.subplots(1, 2 if curves else 1, squeeze=False)[0]
    _level_bars(panels[0], rows)
    if curves:
        axes = style_axes(panels[1], "Over the epochs, without details", "epoch", "error")
        level_curves(axes, curves)
        axes.legend(fontsize=8.5, frameon=False)
    return figure


def level_curves(axes: Axes, curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> None:
    """Draws one curve for each name: its epochs and its errors."""
    for number, (name, (epochs, errors)) in enumerate(curves.items()):
        marker = "o" if len(epochs) < 3 else None
        style = ":" if name.startswith("training") else "-"
        axes.plot(epochs, errors, style, color=COLOURS[CYCLE[number % len(CYCLE)]], linewidth=1.8, marker=marker,
                  markersize=4, label=name)  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0.0)


def _level_bars(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Errors without details as bars, those with details as a number below."""
    style_axes(axes, "Reconstruction by level", "level, concrete to abstract", "relative error without details")
    places = np.arange(len(rows))
    bars = axes.bar(places, [row["abstract"] for row in rows], width=0.6, color=COLOURS["green"])
    axes.bar_label(bars, fmt="%.3f", padding=2, fontsize=9)
    names = [f"{row['level']}\nwith details:\n{row['exact']:.0e}" for row in rows]
    axes.set_xticks([*places, len(rows)], [*names, "top\n(given)"], fontsize=8.5)
    axes.set_xlim(-0.6, len(rows) + 0.6)
    axes.grid(visible=False, axis="x")
    axes.margins(y=0.15)


def _reconstruction_curves(history: Sequence[Mapping[str, Any]]) -> dict[str, tuple[list[float], list[float]]]:
    """By name the epochs and the errors, where the history has them."""
    names = {"train_cycle_loss": "training, input", "val_cycle_loss": "validation, input"}
    levels = sorted({name for line in history for name in line.get("metrics", {}) if name.startswith(LEVEL_METRIC)})
    names |= {name: f"validation, level {name.removeprefix(LEVEL_METRIC)}" for name in levels}
    curves = {}
    for key, name in names.items():
        points = [(line["epoch"], line["metrics"][key]) for line in history if key in line.get("metrics", {})]
        if points:
            curves[name] = ([epoch for epoch, _ in points], [value for _, value in points])
    return curves
