"""Figures show the numbers they were given, at the promised size, and leave matplotlib's state alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from nsm.analysis import plots


@pytest.fixture(scope="module")
def predictions() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = np.tile([0, 1], 150)
    return random.normal(size=(300, 2)) + 2 * np.eye(2)[labels], labels


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(lambda item: hasattr(item, "get_text")))


def lines(figure: Figure, axes: int) -> dict[str, list[list[float]]]:
    return {line.get_label(): [list(map(float, values)) for values in line.get_data()]
            for line in figure.axes[axes].lines}  # fmt: skip


def test_confusion_matrix_shows_counts_and_shares() -> None:
    shown = texts(plots.confusion_figure([[90, 10], [1, 99]], ("no", "yes")))
    for expected in ("90\n90.0%", "10\n10.0%", "1\n1.0%", "99\n99.0%", "no", "yes"):
        assert expected in shown


def test_confidence_counts_mistakes_apart(predictions: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = predictions
    wrong = int((logits.argmax(axis=1) != labels).sum())
    figure = plots.confidence_histogram(logits, labels)
    assert f"300 predictions ({wrong} mistakes)" in texts(figure)
    figure.draw_without_rendering()
    axes, (legend,) = figure.axes[0], figure.legends
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())
    ticks = [label.get_text() for label in axes.get_yticklabels(which="both") if label.get_text()]
    assert {"1", "10"} <= set(ticks) and all(text.replace(",", "").isdigit() for text in ticks)
    right_bars, wrong_bars = axes.containers
    assert sum(bar.get_height() for bar in right_bars) == 300 - wrong
    assert sum(bar.get_height() for bar in wrong_bars) == wrong


def test_reliability_draws_the_calibrated_model_too(predictions: tuple[np.ndarray, np.ndarray]) -> None:
    assert "temperature" not in texts(plots.reliability_diagram(*predictions))
    assert "temperature 1.50" in texts(plots.reliability_diagram(*predictions, temperature=1.5))


def test_ranking_curves_run_from_corner_to_corner(predictions: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = predictions
    figure = plots.ranking_curves(logits, labels, ("no", "yes"))
    x, y = lines(figure, 0)["yes"]
    assert (x[0], y[0], x[-1], y[-1]) == (0.0, 0.0, 1.0, 1.0)
    three = plots.ranking_curves(np.hstack([logits, logits[:, :1]]), labels, ("a", "b", "absent"))
    assert set(lines(three, 1)) == {"a", "b"}


def test_parts_draw_bars_intervals_and_majorities() -> None:
    part = {"samples": 40, "accuracy": 0.9, "low": 0.8, "high": 0.95, "majority": 0.5, "ceiling": None}
    figure = plots.parts_figure({"1-2": part, "3-4": {**part, "accuracy": 1.0, "high": 1.0}}, "Title", "steps")
    axes = figure.axes[0]
    assert [bar.get_height() for bar in axes.patches[:2]] == [0.9, 1.0]
    shown = texts(figure)
    for expected in ("1-2\nn = 40", "90.0%", "100.0%", "majority class", "Title"):
        assert expected in shown


def test_reconstruction_marks_the_mean() -> None:
    assert "mean 0.300" in texts(plots.reconstruction_histogram(np.array([0.2, 0.4])))


@pytest.mark.parametrize(("make", "width"), [
    (lambda: plots.confusion_figure([[3, 1], [0, 4]], ("no", "yes")), 896),
    (lambda: plots.reconstruction_histogram(np.linspace(0, 1, 9)), 1280),
])  # fmt: skip
def test_files_have_the_promised_width_and_are_reproducible(make: Any, width: int, tmp_path: Path) -> None:
    path = plots.save_figures({"one": make()}, tmp_path / "figures")[0]
    assert path == tmp_path / "figures" / "one.png"
    assert matplotlib.image.imread(path).shape[1] == width
    assert path.read_bytes() == plots.png_bytes(make())


def test_the_global_state_is_left_alone(predictions: tuple[np.ndarray, np.ndarray]) -> None:
    before = dict(matplotlib.rcParams)
    plots.png_bytes(plots.confidence_histogram(*predictions))
    plots.png_bytes(plots.reconstruction_histogram(np.linspace(0, 1, 9)))
    assert pyplot.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


@pytest.mark.filterwarnings("error")
def test_a_name_that_the_font_lacks_is_no_warning() -> None:
    figure = Figure()
    plots.style_axes(figure.subplots(), "\N{CJK UNIFIED IDEOGRAPH-6771}", "x", "y")
    assert plots.png_bytes(figure)
