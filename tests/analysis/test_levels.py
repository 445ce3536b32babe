"""Errors by level, drawn as they are."""

from __future__ import annotations

import pytest

from nsm.analysis.levels import LEVEL_METRIC, levels_figure

ROWS = [{"level": 0, "exact": 1e-7, "abstract": 0.4}, {"level": 1, "exact": 2e-7, "abstract": 0.2}]


def test_the_figure_shows_levels_and_epochs() -> None:
    history = [{"epoch": e, "metrics": {"val_cycle_loss": 1 / e, f"{LEVEL_METRIC}1": 0.5 / e}} for e in (1, 2, 3)]
    figure = levels_figure({"reconstruction_by_level": ROWS}, [*history, {"epoch": 4}])
    bars, curves = figure.axes
    assert [bar.get_height() for bar in bars.patches] == [0.4, 0.2]
    assert {line.get_label() for line in curves.lines} == {"validation, input", "validation, level 1"}
    assert list(curves.lines[1].get_ydata()) == [0.5, 0.25, 0.5 / 3]
    assert len(levels_figure({"reconstruction_by_level": ROWS}).axes) == 1


def test_a_model_of_one_level_has_no_such_figure() -> None:
    with pytest.raises(ValueError, match="one level only"):
        levels_figure({"reconstruction_by_level": []})
