"""Figures of a run: from numbers to matplotlib figures, without pyplot and its global state."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.ticker import LogLocator, NullLocator

from nsm.analysis.calibration import reliability_table
from nsm.analysis.metrics import softmax

__all__ = [
    "COLOURS",
    "confidence_histogram",
    "confusion_figure",
    "ink_on",
    "new_figure",
    "parts_figure",
    "percent",
    "png_bytes",
    "ranking_curves",
    "reconstruction_histogram",
    "reliability_diagram",
    "save_figures",
    "style_axes",
]

Array = npt.NDArray[Any]

DPI = 160  # 8 inches are 1,280 pixels
COLOURS = {  # Okabe and Ito's palette: told apart by colour-blind readers, and in print by its lightness
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "grey": "#8A8F98",
    "ink": "#22262B",
}
DASHED: dict[str, Any] = {"color": COLOURS["grey"], "linestyle": "--", "linewidth": 1.4}
EQUALLY_READ = 0.22  # luminance of a ground on which white and ink have the same contrast
CYCLE = ("blue", "orange", "green", "purple", "sky", "red")


def new_figure(height: float = 4.0, width: float = 8.0) -> Figure:
    """An empty figure of so many inches, drawn by Agg; 8 inches are 1,280 pixels."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def style_axes(axes: Axes, title: str, x: str, y: str) -> Axes:
    """Titles, a light grid behind the data, and only the two axes that are read."""
    axes.set_title(title, fontsize=11, loc="left", color=COLOURS["ink"], fontweight="bold")
    axes.set_xlabel(x, fontsize=10)
    axes.set_ylabel(y, fontsize=10)
    axes.tick_params(labelsize=9)
    axes.grid(visible=True, color="#E3E6EA", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def ink_on(colour: str) -> str:
    """White or ink, whichever is read more easily on a colour.

    Example:
        >>> ink_on("#0072B2") == "white", ink_on("#E69F00") == COLOURS["ink"]
        (True, True)
    """
    parts = np.array(to_rgb(colour))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return "white" if float(linear @ [0.2126, 0.7152, 0.0722]) < EQUALLY_READ else COLOURS["ink"]


def percent(value: float, _position: float = 0.0) -> str:
    """How an axis writes a share."""
    return f"{value:.0%}"


def png_bytes(figure: Figure) -> bytes:
    """The figure as a PNG file, without time stamps."""
    stream = io.BytesIO()
    options: dict[str, Any] = {"format": "png", "dpi": DPI, "metadata": {"Software": None}}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a name is then drawn as a box
        if isinstance(figure.get_layout_engine(), PlaceHolderLayoutEngine):  # places are fixed: one pass will do
            canvas: Any = FigureCanvasAgg(figure)
            canvas.draw()
            imsave(stream, canvas.buffer_rgba(), **options)
        else:
            figure.savefig(stream, **options)
    return stream.getvalue()


def save_figures(figures: Mapping[str, Figure], folder: Path) -> list[Path]:
    """Writes each figure to ``<folder>/<name>.png`` and returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures.items():
        paths.append(folder / f"{name}.png")
        paths[-1].write_bytes(png_bytes(figure))
    return paths


def confusion_figure(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> Figure:
    """Counts by true and predicted class, with their share of the true class.

    Shapes:
        - **matrix**: ``(K, K)``, rows are true classes.
    """
    counts = np.asarray(matrix, dtype=np.int64)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = new_figure(height=4.2, width=5.6)
    axes = style_axes(figure.subplots(), "Confusion matrix", "predicted", "true")
    axes.grid(visible=False)
    axes.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    size = 12 if len(names) <= 4 else 8
    for (row, column), count in np.ndenumerate(counts):
        ink = "white" if share[row, column] > 0.6 else COLOURS["ink"]
        text = f"{count:,}\n{share[row, column]:.1%}"
        axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=size)
    return figure


def confidence_histogram(logits: Array, labels: Array, bins: int = 20) -> Figure:
    """How often the model is how sure, right predictions and mistakes apart.

    Shapes:
        - **logits**: ``(G, K)``; **labels**: ``(G,)``.
    """
    probabilities = softmax(logits)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    figure = new_figure(height=4.6, width=5.6)
    title = f"Confidence of {len(labels):,} predictions ({int((~right).sum()):,} mistakes)"
    axes = style_axes(figure.subplots(), title, "probability of the predicted class", "graphs (log scale)")
    edges = np.linspace(1.0 / logits.shape[1], 1.0, bins + 1)
    axes.hist(
        [confidence[right], confidence[~right]], bins=edges.tolist(), label=["right", "wrong"],
        color=[COLOURS["blue"], COLOURS["red"]],
    )  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.7)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else "")
    axes.yaxis.set_minor_locator(NullLocator())
    figure.legend(*axes.get_legend_handles_labels(), fontsize=9, frameon=False, loc="outside lower center", ncols=2)
    return figure


def reliability_diagram(logits: Array, labels: Array, temperature: float | None = None) -> Figure:
    """Accuracy against confidence in 15 bins, as trained and after calibration; on the diagonal they agree.

    Shapes:
        - **logits**: ``(G, K)``; **labels**: ``(G,)``.
    """
    figure = new_figure(height=4.6, width=5.6)
    axes = style_axes(figure.subplots(), "Reliability", "confidence", "accuracy")
    axes.plot([0, 1], [0, 1], **DASHED, label="perfectly calibrated")
    series = [("as trained", logits, "blue", "o")]
    if temperature is not None:
        series.append((f"temperature {temperature:.2f}", logits / temperature, "orange", "s"))
    largest = 1
    for name, scores, colour, marker in series:
        rows = reliability_table(scores, labels)
        largest = max(largest, *(row.samples for row in rows))
        xs, ys = [row.confidence for row in rows], [row.accuracy for row in rows]
        sizes = [14 + 90 * row.samples / largest for row in rows]
        axes.plot(xs, ys, color=COLOURS[colour], linewidth=1.2)
        axes.scatter(xs, ys, s=sizes, color=COLOURS[colour], marker=marker, label=name, zorder=3)
    axes.set_xlim(1.0 / logits.shape[1] - 0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    legend = axes.legend(fontsize=9, frameon=False, loc="lower right", title="area of a mark: samples")
    legend.get_title().set_fontsize(8)
    return figure


def ranking_curves(logits: Array, labels: Array, names: Sequence[str]) -> Figure:
    """ROC and precision-recall curves, of class 1 for two classes, else of each class against the rest.

    Shapes:
        - **logits**: ``(G, K)``; **labels**: ``(G,)``.
    """
    from sklearn.metrics import precision_recall_curve, roc_curve

    probabilities = softmax(logits)
    figure = new_figure()
    roc, recall_axes = figure.subplots(1, 2)
    style_axes(roc, "ROC", "false positive rate", "true positive rate")
    style_axes(recall_axes, "Precision and recall", "recall", "precision")
    roc.plot([0, 1], [0, 1], **DASHED)
    for place, index in enumerate([1] if len(names) == 2 else range(len(names))):
        positive = labels == index
        if not positive.any() or positive.all():
            continue
        colour = COLOURS[CYCLE[place % len(CYCLE)]]
        options: dict[str, Any] = {"color": colour, "linewidth": 1.8, "label": names[index]}
        roc.plot(*roc_curve(positive, probabilities[:, index])[:2], **options)
        precision, recall, _ = precision_recall_curve(positive, probabilities[:, index])
        recall_axes.plot(recall, precision, **options)
    for axes in (roc, recall_axes):
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.04)
        axes.legend(fontsize=9, frameon=False, loc="lower right" if axes is roc else "lower left")
    return figure


def parts_figure(parts: Mapping[str, Mapping[str, Any]], title: str, x: str) -> Figure:
    """Accuracy with its 95 % interval for each part, and the majority line of each.

    Args:
        parts: By name of the part: ``samples``, ``accuracy``, ``low``, ``high``, ``majority``.
        title: What is shown.
        x: What the parts are.
    """
    figure = new_figure(height=3.3)
    axes = style_axes(figure.subplots(), title, x, "accuracy")
    rows = list(parts.values())
    places = np.arange(len(rows))
    accuracy, majority, low, high = (
        np.array([row[key] for row in rows], dtype=float) for key in ("accuracy", "majority", "low", "high")
    )
    axes.bar(places, accuracy, width=0.62, color=COLOURS["sky"], label="accuracy, with its 95 % interval")
    whiskers = np.maximum(np.stack([accuracy - low, high - accuracy]), 0.0)
    axes.errorbar(places, accuracy, whiskers, fmt="none", ecolor=COLOURS["ink"], capsize=4, linewidth=1.2)
    axes.hlines(majority, places - 0.36, places + 0.36, colors=COLOURS["red"], linestyles="--", label="majority class")
    for place, row in zip(places.tolist(), rows, strict=True):
        axes.text(place, 0.02, f"{row['accuracy']:.1%}", ha="center", va="bottom", fontsize=9)
    axes.set_xticks(places, [f"{name}\nn = {row['samples']:,}" for name, row in parts.items()])
    axes.grid(visible=False, axis="x")
    axes.set_ylim(0.0, 1.18)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.yaxis.set_major_formatter(percent)
    axes.legend(fontsize=8.5, frameon=False, loc="upper left", ncols=2)
    return figure


def reconstruction_histogram(errors: Array) -> Figure:
    """Error of the reconstruction without details, graph by graph.

    Shapes:
        - **errors**: ``(G,)``.
    """
    figure = new_figure(height=3.4)
    axes = style_axes(
        figure.subplots(),
        "Reconstruction without details",
        "error of a graph (0 = exact)",
        "graphs",
    )
    axes.hist(errors, bins=40, color=COLOURS["green"])
    mean = float(np.mean(errors))
    axes.axvline(mean, color=COLOURS["ink"], linestyle="--", linewidth=1.4, label=f"mean {mean:.3f}")
    axes.set_xlim(left=0.0)
    axes.legend(fontsize=9, frameon=False)
    return figure
