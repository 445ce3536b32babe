"""The chart has a bar for each row, and the page everything that has to be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsm.analysis.comparison import Comparison, ComparisonRow, ModelPair
from nsm.analysis.comparison_page import EMPTY, comparison_figure, write_comparison
from nsm.analysis.plots import png_bytes
from nsm.analysis.statistics import PairedDifference

ROWS = [
    ComparisonRow("causal", "hierarchy", "accuracy", 0.8, 0.75, 0.85, 3, "t over 3 seeds", 0.6, 0.9, ("a", "b", "c")),
    ComparisonRow("planning", "<flat>", "accuracy", 0.7, None, None, 1, None, None, None, ("d",)),
    ComparisonRow("planning", "<flat>", "nll", 0.4, None, None, 1, None, None, None, ("d",)),
]
PAIR = ModelPair("causal", "x", "y", 1, PairedDifference(0.1, 0.05, 0.15, 9, 2, 0.03, 70))


def test_bars_whiskers_majority_and_ceiling() -> None:
    figure = comparison_figure(Comparison(ROWS))
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.8, 0.7]
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named == ["95 % interval", "majority class", "ceiling: the best possible"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["causal\nhierarchy", "planning\n<flat>"]
    assert axes.get_xlim() == (0.0, 1.0)


def test_another_metric_and_none() -> None:
    figure = comparison_figure(Comparison(ROWS), "nll")
    assert [bar.get_width() for bar in figure.axes[0].patches] == [0.4]
    assert png_bytes(figure)[1:4] == b"PNG"
    with pytest.raises(ValueError, match="no row of the metric 'auc'"):
        comparison_figure(Comparison(ROWS), "auc")


def test_nothing_to_compare_is_said_in_the_figure() -> None:
    figure = comparison_figure(Comparison([]))
    assert [text.get_text() for text in figure.axes[0].texts] == [EMPTY]
    assert png_bytes(figure)[1:4] == b"PNG"
    with pytest.raises(ValueError, match="no row of the metric 'auc'"):
        comparison_figure(Comparison([]), "auc")


def test_the_page_holds_it_all_and_escapes_names(tmp_path: Path) -> None:
    write_comparison(Comparison(ROWS, [PAIR], ["a note"], ["kg: no run"]), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    for expected in ("a note", "kg: no run", "&lt;flat&gt;", "+10.00 points", "t over 3 seeds", "data:image/png"):
        assert expected in page
    assert "<flat>" not in page
    assert 'src="http' not in page
    write_comparison(Comparison([]), tmp_path / "empty.html")
    assert "nothing to compare" in (tmp_path / "empty.html").read_text()
