"""Charts of counts: histograms, ranked bars, shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nsm.analysis.plots import COLOURS, CYCLE, ink_on, new_figure, style_axes

__all__ = ["degree_chart", "histogram", "paired_bars", "ranked_bars", "share_bars", "size_charts"]

Array = npt.NDArray[Any]

MAX_BARS = 24
MAX_PAIRS = 14
MAX_SERIES = 6
MAX_BINS = 40


def histogram(values: Array, series: Array | None, title: str, x: str, y: str = "graphs") -> Figure:
    """Graphs by a number, stacked by the value of another column where there are at most six of them.

    Shapes:
        - **values**, **series**: ``(G,)``.
    """
    figure = new_figure(height=3.4)
    _histogram(style_axes(figure.subplots(), title, x, y), values, series)
    return figure


def size_charts(nodes: Array, triples: Array) -> Figure:
    """Graphs by their number of nodes and of triples, side by side."""
    figure = new_figure(height=3.2)
    for axes, values, what, colour in zip(
        figure.subplots(1, 2), (nodes, triples), ("nodes", "triples"), ("blue", "green"), strict=True
    ):
        style_axes(axes, f"{what.capitalize()} per graph", what, "graphs")
        _histogram(axes, values, None, colour)
        axes.axvline(values.mean(), color=COLOURS["ink"], linestyle="--", label=f"mean {values.mean():,.1f}")
        axes.legend(fontsize=8.5, frameon=False, loc="upper right")
        axes.margins(y=0.18)
    return figure


def degree_chart(counts: Array) -> Figure:
    """Nodes by degree; the count is on a logarithmic scale.

    Args:
        counts: Number of nodes of degree 0, 1, 2, ..., ``(D,)``.
    """
    figure = new_figure(height=3.2)
    axes = style_axes(figure.subplots(), "Degrees", "degree (in and out together)", "nodes (log scale)")
    if len(counts) <= 2 * MAX_BINS:
        axes.bar(np.arange(len(counts)), counts, width=0.9, color=COLOURS["purple"])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        present = np.flatnonzero(counts)
        axes.plot(np.maximum(present, 0.5), counts[present], "o", markersize=3, color=COLOURS["purple"])
        axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.7)
    return figure


def ranked_bars(charts: Mapping[str, Mapping[str, int]], x: str) -> Figure:
    """Counts by name, the most frequent ones on top; several charts side by side.

    Args:
        charts: For each title the counts by name, the most frequent first.
        x: What is counted.
    """
    longest = max(min(len(counts), MAX_BARS) for counts in charts.values())
    figure = new_figure(height=1.3 + 0.24 * longest)
    for number, (axes, (title, counts)) in enumerate(
        zip(np.atleast_1d(figure.subplots(1, len(charts))), charts.items(), strict=True)
    ):
        shown = dict(list(counts.items())[:MAX_BARS])
        rest = "" if len(counts) <= MAX_BARS else f" ({MAX_BARS} of {len(counts):,})"
        style_axes(axes, title + rest, x, "")
        bars = axes.barh(list(map(_short, shown)), list(shown.values()), color=COLOURS[CYCLE[number]], height=0.7)
        axes.bar_label(bars, labels=[f"{count:,}" for count in shown.values()], padding=3, fontsize=8)
        _top_down(axes, longest)
    return figure


def paired_bars(rows: Mapping[str, tuple[float, float]], names: tuple[str, str], title: str, x: str) -> Figure:
    """Two numbers by name, one bar below the other.

    Args:
        rows: Both numbers of each name; 14 names at most are shown.
        names: What the two numbers are.
        title: What is shown.
        x: Their unit.
    """
    shown = dict(list(rows.items())[:MAX_PAIRS])
    figure = new_figure(height=1.5 + 0.36 * len(shown))
    rest = "" if len(rows) <= MAX_PAIRS else f" ({MAX_PAIRS} of {len(rows):,})"
    axes = style_axes(figure.subplots(), title + rest, x, "")
    places = np.arange(len(shown))
    for number, name in enumerate(names):
        values = [pair[number] for pair in shown.values()]
        bars = axes.barh(places + 0.38 * (number - 0.5), values, height=0.36, color=COLOURS[CYCLE[number]], label=name)
        axes.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
    axes.set_yticks(places, list(map(_short, shown)))
    _top_down(axes, len(shown))
    axes.legend(fontsize=8.5, frameon=False, loc="lower right")
    return figure


def share_bars(counts: Mapping[str, Mapping[str, int]], title: str) -> Figure:
    """Shares within each row, as one bar divided by name; rows without a count are left out.

    Args:
        counts: For each row the counts by name.
        title: What is shown.
    """
    rows = {name: row for name, row in counts.items() if sum(row.values())}
    totals = {name: sum(row[name] for row in rows.values()) for name in next(iter(rows.values()))}
    named = sorted(totals, key=lambda name: -totals[name])[:MAX_SERIES] if len(totals) > MAX_SERIES else list(totals)
    figure = new_figure(height=1.4 + 0.45 * len(rows))
    axes = style_axes(figure.subplots(), title, "share", "")
    left = np.zeros(len(rows))
    sizes = np.array([sum(row.values()) for row in rows.values()])
    parts = {name: np.array([row[name] for row in rows.values()]) / sizes for name in named}
    if len(named) < len(totals):
        parts[f"{len(totals) - len(named):,} others"] = 1.0 - sum(parts.values())
    ticks = [f"{name}\nn = {size:,}" for name, size in zip(rows, sizes, strict=True)]
    for number, (name, share) in enumerate(parts.items()):
        colour = COLOURS[CYCLE[number]] if number < len(CYCLE) else COLOURS["grey"]
        bars = axes.barh(ticks, share, left=left, color=colour, height=0.7, label=_short(name))
        labels = [f"{value:.0%}" if value > 0.04 else "" for value in share]
        axes.bar_label(bars, labels=labels, label_type="center", color=ink_on(colour), fontsize=9, fontweight="bold")
        left = left + share
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.legend(fontsize=8.5, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=min(len(parts), 7))
    return figure


def _histogram(axes: Axes, values: Array, series: Array | None, colour: str = "blue") -> None:
    numbers = np.asarray(values, np.float64)
    is_whole = bool((numbers == np.floor(numbers)).all())
    low, high = numbers.min(), numbers.max()
    edges = np.linspace(low, high if high > low else low + 1, MAX_BINS + 1)
    if is_whole:  # bins of equal width that hold equally many whole numbers
        width = -(-int(high - low + 1) // MAX_BINS)
        edges = np.arange(low - 0.5, high + width + 0.5, width)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    names = [] if series is None else np.unique(series.astype(str)).tolist()
    if not 2 <= len(names) <= MAX_SERIES:
        axes.hist(numbers, bins=edges.tolist(), color=COLOURS[colour], rwidth=0.92)
        return
    parts = [numbers[series.astype(str) == name] for name in names] if series is not None else []
    colours = [COLOURS[CYCLE[number]] for number in range(len(names))]
    axes.hist(parts, bins=edges.tolist(), stacked=True, color=colours, label=names, rwidth=0.92)
    axes.legend(fontsize=8.5, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _top_down(axes: Axes, longest: int) -> None:
    """The first bar on top, with bars of equal height in charts side by side."""
    axes.set_ylim(longest - 0.4, -0.6)
    axes.margins(x=0.16)
    axes.autoscale(enable=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", labelsize=8.5, length=0)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:26]}.."
