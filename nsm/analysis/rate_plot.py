"""The picture of a range test of the learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nsm.analysis.plots import COLOURS, DASHED, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["rate_figure"]


def rate_figure(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    *,
    suggestion: float | None,
    limit: float | None,
    configured: float,
) -> Figure:
    """The loss over the learning rate, with the suggested rate, the configured one and where the loss exploded.

    Args:
        rates: The learning rate of each step.
        losses: The loss before each step.
        smoothed: The same without noise.
        suggestion: The rate that is suggested, if one is.
        limit: The rate at which the loss exploded, if it did.
        configured: The rate that the configuration has.
    """
    figure = new_figure(height=4.4)
    axes = style_axes(figure.subplots(), "Range test of the learning rate", "learning rate (log scale)", "loss")
    axes.set_xscale("log")
    axes.plot(rates, losses, color=COLOURS["sky"], linewidth=0.8, label="loss of each step")
    axes.plot(rates, smoothed, color=COLOURS["blue"], linewidth=2.2, label="smoothed")
    axes.axvline(configured, **DASHED, label=f"configured: {configured:.2g}")
    if suggestion is not None:
        place = min(range(len(rates)), key=lambda step: abs(rates[step] - suggestion))
        label = f"suggested: {suggestion:.2g}"
        axes.plot(suggestion, smoothed[place], "o", color=COLOURS["red"], markersize=9, label=label)
    if limit is not None:
        axes.axvspan(limit, limit * 2, color=COLOURS["red"], alpha=0.18, label=f"exploded from {limit:.2g}")
    lowest, first = min(smoothed), smoothed[0]
    margin = 0.25 * max(first - lowest, 0.1 * first)
    axes.set_ylim(lowest - margin, max(first, sorted(losses)[int(0.9 * (len(losses) - 1))]) + margin)
    axes.legend(fontsize=9, frameon=False, loc="lower left")
    return figure
