"""Errors by level: rounding with details, more without, and drawn as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nsm.analysis.levels import LEVEL_METRIC, level_errors, levels_figure
from nsm.models import Hierarchy
from tests.analysis.toy_models import named_graphs, toy_model

ROWS = [{"level": 0, "exact": 1e-7, "abstract": 0.4}, {"level": 1, "exact": 2e-7, "abstract": 0.2}]


@pytest.mark.parametrize("num_levels", [2, 6])
def test_each_level_below_the_top_has_its_errors(tmp_path: Path, num_levels: int) -> None:
    model, batch = toy_model(num_levels), named_graphs(tmp_path / "graphs").batch(range(12))
    assert isinstance(model, Hierarchy)
    found = level_errors(model, batch)
    for errors in (found.abstract, found.exact):
        assert [error.shape for error in errors] == [(12,)] * (num_levels - 1)
    assert max(float(error.max()) for error in found.exact) < 1e-4
    assert float(found.abstract[0].mean()) > 0.01
    for mine, theirs in zip(found.abstract, model.level_errors(batch), strict=True):
        torch.testing.assert_close(mine, theirs)


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
