"""Charts of counts: the bars are the numbers."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nsm.analysis import charts
from nsm.analysis.plots import COLOURS, png_bytes


def bars(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def heights(figure: Figure) -> list[float]:
    return [bar.get_height() for bar in bars(figure.axes[0])]


@pytest.mark.parametrize("values", [[3], [1, 1, 2, 5], list(range(200)), [0, 1000], [0.5, 0.25, 0.25], [-3, -3, 4]])
def test_every_graph_is_in_a_bin(values: list[float]) -> None:
    figure = charts.histogram(np.array(values), None, "title", "x")
    assert sum(heights(figure)) == len(values)
    assert len(heights(figure)) <= charts.MAX_BINS + 1
    widths = {round(bar.get_width(), 6) for bar in bars(figure.axes[0])}
    assert len(widths) == 1


def test_a_column_divides_the_bars() -> None:
    figure = charts.histogram(np.array([1, 1, 2]), np.array(["b", "a", "a"]), "title", "x")
    assert heights(figure) == [1, 1, 1, 0]  # a, then b on top of it
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]
    many = np.arange(20).astype(str)
    assert charts.histogram(np.arange(20), many, "title", "x").axes[0].get_legend() is None


def test_sizes_show_their_means() -> None:
    figure = charts.size_charts(np.array([2, 4]), np.array([1, 1]))
    assert [axes.get_legend().get_texts()[0].get_text() for axes in figure.axes] == ["mean 3.0", "mean 1.0"]  # type: ignore[union-attr]


@pytest.mark.parametrize("degrees", [[0, 5, 3], [1] * 500])
def test_degrees_of_few_and_of_many_kinds(degrees: list[int]) -> None:
    figure = charts.degree_chart(np.array(degrees))
    axes = figure.axes[0]
    shown = heights(figure) if axes.patches else list(axes.lines[0].get_ydata())
    assert shown == degrees
    assert axes.get_yscale() == "log"


def test_the_most_frequent_names_are_shown() -> None:
    counts = {f"name {i}": 100 - i for i in range(60)}
    figure = charts.ranked_bars({"Relations": counts, "Types": {"node": 3}}, "x")
    left, right = figure.axes
    assert [bar.get_width() for bar in bars(left)] == list(counts.values())[: charts.MAX_BARS]
    assert left.get_title(loc="left") == f"Relations ({charts.MAX_BARS} of 60)"
    assert right.get_title(loc="left") == "Types"
    assert left.get_ylim() == right.get_ylim()
    assert left.yaxis_inverted()


def test_pairs_of_numbers() -> None:
    figure = charts.paired_bars({"likes": (1.5, 2.0), "knows": (1.0, 4.0)}, ("out", "in"), "title", "x")
    assert [bar.get_width() for bar in bars(figure.axes[0])] == [1.5, 1.0, 2.0, 4.0]


def test_shares_sum_to_one_and_empty_rows_are_left_out() -> None:
    counts = {"train": {"a": 3, "b": 1}, "val": {"a": 0, "b": 0}, "test": {"a": 0, "b": 2}}
    figure = charts.share_bars(counts, "title")
    assert [bar.get_width() for bar in bars(figure.axes[0])] == [0.75, 0.0, 0.25, 1.0]
    labels = {f"label {i}": i for i in range(20)}
    figure = charts.share_bars({"train": labels}, "title")
    widths = [bar.get_width() for bar in bars(figure.axes[0])]
    assert len(widths) == charts.MAX_SERIES + 1
    assert sum(widths) == pytest.approx(1)


def test_shares_are_written_in_what_is_read_on_their_colour() -> None:
    figure = charts.share_bars({"train": {"a": 1, "b": 1, "c": 1}}, "title")
    by_colour = {to_hex(bar.get_facecolor()): text.get_color() for bar, text in zip(
        bars(figure.axes[0]), [text for text in figure.axes[0].texts if text.get_text()], strict=True)}  # fmt: skip
    assert by_colour[COLOURS["blue"].lower()] == "white" and by_colour[COLOURS["orange"].lower()] == COLOURS["ink"]


def test_long_names_are_cut_and_drawn() -> None:
    figure = charts.ranked_bars({"x": {"a" * 100: 1}}, "x")
    assert figure.axes[0].get_yticklabels()[0].get_text() == "a" * 26 + ".."
    assert png_bytes(figure).startswith(b"\x89PNG")
