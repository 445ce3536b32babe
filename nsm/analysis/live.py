"""The live view: a picture of a training, a pure function of its run folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator

from nsm.analysis.curves import draw_curve, draw_curves, mark_best, points_of
from nsm.analysis.levels import LEVEL_METRIC
from nsm.analysis.parameters import depth_order
from nsm.analysis.plots import COLOURS, CYCLE, DASHED, new_figure, percent, style_axes
from nsm.analysis.run_states import RunState, read_state
from nsm.runs import Run

__all__ = ["GRADIENTS", "latest_figures", "run_view"]

GRADIENTS = "gradient_norms"
"""The table of a history's line that has the norm of each layer's gradient."""
COLUMNS = 200  # epochs side by side in the picture of gradients
CURVES, PICTURES = 5.0, 2.0  # inches
PLACES = {"left": 0.05, "right": 0.955, "top": 0.83, "bottom": 0.075, "wspace": 0.27, "hspace": 0.56}
BELOW = {"left": 0.02, "right": 0.98, "top": 0.98, "bottom": 0.02, "wspace": 0.03}
LEGEND_COLUMNS, LINE = 2, 9.0  # of a legend; points for each line of it
FIRST = ("confusion", "reliability", "confidence")  # of the figures of an evaluation

Rows = Sequence[Mapping[str, Any]]


def run_view(run: Run, *, pictures: int = 3, now: float | None = None) -> Figure:
    """Draws where a training stands, whatever there is of it yet: 1,280 x 800 pixels, taller with pictures below.

    Args:
        run: The run.
        pictures: How many of the latest figures are shown below the curves, at most.
        now: Seconds since 1970, for the state of the run; the present by default.
    """
    at = read_state(run, now=now)
    shown = latest_figures(run)[:pictures]
    figure = new_figure(height=CURVES + PICTURES * bool(shown))
    figure.set_layout_engine("none")  # fixed places: to seek the best ones takes longer than to draw
    upper: FigureBase = figure
    if shown:
        parts = figure.subfigures(2, 1, squeeze=False, height_ratios=[CURVES, PICTURES])
        upper, lower = parts[0, 0], parts[1, 0]
        _show(lower.subplots(1, len(shown), squeeze=False, gridspec_kw=BELOW)[0], shown)
    figure.suptitle(f"{run.name}: {at.summary}", fontsize=8, x=0.01, y=0.985, ha="left", color=COLOURS["ink"])
    rows = at.rows
    panels: list[Callable[[Axes], None]] = [
        lambda axes: _losses(axes, rows),
        lambda axes: _accuracies(axes, rows, at),
        lambda axes: _rate(axes, rows),
        lambda axes: _reconstruction(axes, rows),
        lambda axes: _resources(axes, rows),
        lambda axes: _gradients(axes, rows, at.records),
    ]
    for axes, draw in zip(upper.subplots(2, 3, gridspec_kw=PLACES).flat, panels, strict=True):
        draw(axes)
        _finish(axes)
    return figure


def latest_figures(run: Run) -> list[Path]:
    """The pictures of the latest evaluation, those that say most first."""
    found = sorted(run.figures.glob("*.png"))
    return sorted(found, key=lambda path: FIRST.index(path.stem) if path.stem in FIRST else len(FIRST))


def _losses(axes: Axes, rows: Rows) -> None:
    style_axes(axes, "Loss by term", "", "")
    draw_curves(axes, rows, "loss")


def _accuracies(axes: Axes, rows: Rows, at: RunState) -> None:
    style_axes(axes, "Accuracy", "", "")
    draw_curves(axes, rows, "acc")
    if at.majority is not None:
        axes.axhline(at.majority, **DASHED, label=f"majority {at.majority:.1%}")
    if at.ceiling is not None:
        axes.axhline(at.ceiling, color=COLOURS["ink"], linestyle="-.", linewidth=1.2, label=f"ceiling {at.ceiling:.1%}")
    mark_best(axes, rows)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.05 * (high - low))  # room for the star
    axes.yaxis.set_major_formatter(percent)


def _rate(axes: Axes, rows: Rows) -> None:
    style_axes(axes, "Learning rate", "", "")
    draw_curve(axes, points_of(rows, "learning_rate"), COLOURS["purple"])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.1e}".replace("e-0", "e-") if value else "0")


def _reconstruction(axes: Axes, rows: Rows) -> None:
    """Without details: of the input, and of each level where the history has it."""
    style_axes(axes, "Reconstruction error", "epoch", "")
    names = sorted({name for row in rows for name in row if name.startswith(LEVEL_METRIC)})
    labelled = {"train_cycle_loss": "training", "val_cycle_loss": "validation"}
    labelled |= {name: f"level {name.removeprefix(LEVEL_METRIC)}" for name in names}
    for number, (name, label) in enumerate(labelled.items()):
        points = points_of(rows, name)
        if points[0]:
            style = ":" if name.startswith("train") else "-"
            draw_curve(axes, points, COLOURS[CYCLE[max(0, number - 1) % len(CYCLE)]], label, style)


def _resources(axes: Axes, rows: Rows) -> None:
    """Memory, and how fast the graphs go through, on an axis of its own."""
    style_axes(axes, "Memory and speed", "epoch", "")
    memory = points_of(rows, "memory_mib")
    draw_curve(axes, memory, COLOURS["blue"], "MiB")
    speed = points_of(rows, "graphs_per_second")
    if speed[0]:
        other = axes.twinx()
        other.spines["top"].set_visible(False)
        other.tick_params(labelsize=8, colors=COLOURS["red"])
        draw_curve(other, speed, COLOURS["red"])
        other.set_ylim(0.0, 1.1 * max(speed[1]))
        other.yaxis.set_major_locator(MaxNLocator(5))
        axes.plot([], [], color=COLOURS["red"], linewidth=1.8, label="graphs/s, right")
    axes.set_ylim(0.0, 1.1 * max([value for value in memory[1] if value > 0], default=1.0))


def _gradients(axes: Axes, rows: Rows, records: Sequence[Mapping[str, Any]]) -> None:
    """The norm of each layer's gradient as a picture, else that of the whole gradient as a curve."""
    having = [record for record in records if isinstance(record.get(GRADIENTS), Mapping) and record[GRADIENTS]]
    if not having:
        style_axes(axes, "Gradient norm", "epoch", "")
        draw_curve(axes, points_of(rows, "grad_norm"), COLOURS["green"])
        return
    some = [having[place] for place in np.unique(np.linspace(0, len(having) - 1, COLUMNS).astype(int))]
    layers = depth_order(list(having[-1][GRADIENTS]))
    norms = np.array([[float(one[GRADIENTS].get(layer) or 0.0) for one in some] for layer in layers])
    style_axes(axes, "Gradient norm by layer, log10", "epoch", "")
    axes.grid(visible=False)
    ends = (some[0]["epoch"] - 0.5, some[-1]["epoch"] + 0.5, len(layers) - 0.5, -0.5)
    image = axes.imshow(np.log10(np.maximum(norms, 1e-9)), aspect="auto", extent=ends, cmap="viridis")
    axes.figure.colorbar(image, ax=axes, pad=0.02).ax.tick_params(labelsize=7)
    axes.set_yticks([0, len(layers) - 1], ["input", "output"], rotation=90)
    upper, lower = axes.get_yticklabels()
    upper.set_verticalalignment("top")
    lower.set_verticalalignment("bottom")


def _finish(axes: Axes) -> None:
    """Small type; a word where there is nothing yet; the legend between title and curves, which it never covers."""
    names = axes.get_legend_handles_labels()[1]
    lines = -(-len(names) // LEGEND_COLUMNS)
    title = axes.get_title(loc="left")
    axes.set_title("", loc="left")
    axes.set_title(title, loc="left", fontsize=9.5, fontweight="bold", color=COLOURS["ink"], pad=4 + LINE * lines)
    axes.xaxis.label.set_fontsize(8)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    if not axes.images:
        axes.yaxis.set_major_locator(MaxNLocator(5))
    if not axes.images and not any(len(np.asarray(line.get_xdata())) for line in axes.lines):
        axes.text(0.5, 0.5, "nothing yet", transform=axes.transAxes, ha="center", fontsize=9, color=COLOURS["grey"])
        axes.set_xticks([])
        axes.set_yticks([])
    elif names:
        axes.legend(
            loc="lower left", bbox_to_anchor=(-0.1, 1.0), ncols=LEGEND_COLUMNS, frameon=False, fontsize=6.5,
            borderaxespad=0.0, borderpad=0.3, handlelength=1.5, markerscale=0.7, handletextpad=0.5, labelspacing=0.25,
            columnspacing=1.0,
        )  # fmt: skip


def _show(panels: Sequence[Axes], paths: Sequence[Path]) -> None:
    """Pictures side by side; one that is being written is left blank."""
    for axes, path in zip(panels, paths, strict=True):
        axes.set_axis_off()
        try:
            axes.imshow(matplotlib.image.imread(path), interpolation="antialiased")
        except (OSError, SyntaxError, ValueError):  # Pillow calls a damaged picture a syntax error
            axes.text(0.5, 0.5, f"{path.name} is not whole", ha="center", fontsize=8, color=COLOURS["grey"])
