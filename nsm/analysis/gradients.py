"""How the gradient of one batch flows through a model: does it reach every layer, and how strong is it there?"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from nsm.analysis.parameters import depth_order, part_of
from nsm.analysis.plots import COLOURS, new_figure, style_axes
from nsm.analysis.tables import Table
from nsm.config.settings import CYCLE_WEIGHT
from nsm.models.losses import compute_loss

if TYPE_CHECKING:
    from nsm.data.batch import GraphBatch

__all__ = ["GradientFlow", "LayerGradient", "gradient_figure", "gradient_flow"]

VANISHING = 1e-4  # of the median over all layers
EXPLODING = 1e3
MAX_NAMED = 4  # odd layers of one kind that are named in the figure
BANDS = {"levels": "level ", "liftings": "lifting ", "layers": "layer "}
SMALLEST = 1e-12  # where the logarithmic scale begins


@dataclass(frozen=True)
class LayerGradient:
    """The gradient of all tensors of one layer.

    Attributes:
        layer: Its name in the model.
        parameters: Number of values.
        mean, largest: Mean and maximum of the absolute gradient.
        state: ``ok``, ``vanishing``, ``exploding`` or ``none``, where no gradient reaches the layer.
    """

    layer: str
    parameters: int
    mean: float
    largest: float
    state: str


@dataclass(frozen=True)
class GradientFlow:
    """The gradients of a model for one batch, from the input to the output.

    Attributes:
        layers: One entry for each module that has parameters of its own.
        loss: The total loss of the batch.
    """

    layers: Sequence[LayerGradient]
    loss: float

    def table(self) -> Table:
        """One row for each layer."""
        rows = [(layer.layer, layer.parameters, layer.mean, layer.largest, layer.state) for layer in self.layers]
        names = ("layer", "parameters", "mean |gradient|", "max |gradient|", "state")
        return Table(names, rows, formats=dict.fromkeys(names[2:4], ".2e"))


def gradient_flow(
    model: nn.Module, batch: GraphBatch, cycle_weight: float = CYCLE_WEIGHT, **weights: float
) -> GradientFlow:
    """The gradient of the loss of one batch; neither weights nor gradients of the model are changed.

    A layer counts as vanishing where its mean absolute gradient is below 1/10,000 of the median over all layers, and
    as exploding where it is above 1,000 times the median or not finite.

    Args:
        model: On the device of the batch; its mode, training or evaluation, is kept.
        batch: Graphs with their labels.
        cycle_weight: Weight of the reconstruction error, as in training.
        weights: Those of the other terms, ``**config.term_weights``; a level head learns from nothing else.
    """
    named = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    with torch.enable_grad():
        losses = compute_loss(model(batch), batch, cycle_weight, **weights)
        gradients = torch.autograd.grad(losses.total, list(named.values()), allow_unused=True)
    layers: dict[str, list[tuple[int, Tensor | None]]] = {}
    found = dict(zip(named, gradients, strict=True))
    for path in depth_order(named):
        layer = path.rpartition(".")[0] or path
        layers.setdefault(layer, []).append((named[path].numel(), found[path]))
    measured = {layer: _measure(parts) for layer, parts in layers.items()}
    usual = [mean for mean, _ in measured.values() if math.isfinite(mean) and mean > 0]
    median = float(np.median(usual)) if usual else 0.0
    rows = [
        LayerGradient(layer, sum(size for size, _ in layers[layer]), mean, largest, _state(mean, largest, median))
        for layer, (mean, largest) in measured.items()
    ]
    return GradientFlow(rows, float(losses.total.detach()))


def _measure(parts: Sequence[tuple[int, Tensor | None]]) -> tuple[float, float]:
    """Mean and maximum of the absolute gradient; a tensor that no gradient reaches counts as zeros."""
    size = sum(count for count, _ in parts)
    present = [gradient.detach().abs().double() for _, gradient in parts if gradient is not None]
    total = sum(float(gradient.sum()) for gradient in present)
    # torch's max keeps "not a number", Python's may lose it
    largest = float(torch.stack([gradient.max() for gradient in present]).max()) if present else 0.0
    return total / max(size, 1), largest


def _state(mean: float, largest: float, median: float) -> str:
    if not (math.isfinite(mean) and math.isfinite(largest)) or (median and mean > EXPLODING * median):
        return "exploding"
    if mean == 0:
        return "none"
    return "vanishing" if mean < VANISHING * median else "ok"


def gradient_figure(flow: GradientFlow) -> Figure:
    """Mean and maximum of each layer's gradient in order of depth, on a logarithmic scale; what is odd is named."""
    rows = flow.layers
    figure = new_figure(height=4.6)
    title = f"Gradient flow of one batch through {len(rows)} layers, input to output"
    axes = style_axes(figure.subplots(), title, "", "absolute gradient (log scale)")
    places = np.arange(len(rows))
    means = np.array([_visible(row.mean) for row in rows])
    largest = np.array([_visible(row.largest) for row in rows])
    axes.vlines(places, means, largest, color="#C3C8CE", linewidth=1.5)
    axes.plot(places, largest, "_", color=COLOURS["orange"], markersize=7, markeredgewidth=2.2, label="maximum")
    axes.plot(places, means, "o", color=COLOURS["blue"], markersize=4.5, label="mean")
    _mark_odd(axes, rows, means)
    axes.set_yscale("log")
    axes.set_xlim(-0.8, len(rows) - 0.2)
    _bands(axes, [_band(row.layer) for row in rows])
    figure.legend(fontsize=8.5, frameon=False, loc="outside lower center", ncols=5)
    return figure


def _mark_odd(axes: Axes, rows: Sequence[LayerGradient], means: npt.NDArray[np.float64]) -> None:
    """A mark for every layer whose gradient is odd; the first few are named."""
    odd: dict[str, tuple[str, str]] = {"vanishing": ("v", "purple"), "exploding": ("^", "red"), "none": ("x", "ink")}
    for state, (marker, colour) in odd.items():
        at = [place for place, row in enumerate(rows) if row.state == state]
        if at:
            name = "no gradient" if state == "none" else state
            axes.plot(at, means[at], marker, color=COLOURS[colour], markersize=9, label=f"{name} ({len(at)})")
        for place in at[:MAX_NAMED]:
            side = "right" if place > 0.6 * len(rows) else "left"
            axes.annotate(
                rows[place].layer, (place, means[place]), xytext=(7 if side == "left" else -7, 4),
                textcoords="offset points", fontsize=7.5, ha=side, color=COLOURS[colour],
            )  # fmt: skip


def _band(layer: str) -> str:
    """The part of a model that a layer stands in, as a tick says it."""
    found = re.match(r"(levels|liftings|layers)\.(\d+)", layer)
    if found is None:
        return part_of(layer)
    return f"{BANDS[found[1]]}{found[2]}"


def _bands(axes: Axes, names: Sequence[str]) -> None:
    """Every second part shaded, each with its name below."""
    ticks, labels = [], []
    for number, (name, members) in enumerate(groupby(enumerate(names), key=lambda pair: pair[1])):
        places = [place for place, _ in members]
        if number % 2:
            axes.axvspan(places[0] - 0.5, places[-1] + 0.5, color="#F1F3F5", zorder=0)
        ticks.append(sum(places) / len(places))
        labels.append(name.replace(" ", "\n"))
    axes.set_xticks(ticks, labels, fontsize=8)
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="x")


def _visible(value: float) -> float:
    """The value where a logarithmic axis can show it."""
    return max(value, SMALLEST) if math.isfinite(value) else 1.0 / SMALLEST
