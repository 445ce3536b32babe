"""The picture has every node of every level, and fits a screen."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.collections import PathCollection

from nsm.analysis.climb_figure import climb_figure
from nsm.analysis.climbing import climb
from nsm.analysis.plots import png_bytes
from tests.analysis.toy_models import named_graphs, toy_model
from tests.data.twin_graphs import SCHEMA, packed, random_sample


@pytest.mark.parametrize("num_levels", [2, 6])
def test_every_level_stands_twice(tmp_path: Path, num_levels: int) -> None:
    graphs = named_graphs(tmp_path / "graphs")
    found = climb(toy_model(num_levels), graphs, 3)
    figure = climb_figure(found, graphs.sample(3), SCHEMA, "title")
    panels = figure.axes[: 2 * num_levels]
    drawn = [len(c.get_offsets()) for axes in panels for c in axes.collections if isinstance(c, PathCollection)]
    assert drawn == 2 * [len(level.nodes) for level in found.levels]
    for node in found.levels[-1].nodes.tolist():
        assert f"node {node}" in figure.legends[0].get_title().get_text().replace("\n", " ")
    (tmp_path / "picture.png").write_bytes(png_bytes(figure))
    assert matplotlib.image.imread(tmp_path / "picture.png").shape[:2] == (800, 1280)


def test_graphs_of_one_node_and_without_names(tmp_path: Path) -> None:
    sample = random_sample(np.random.default_rng(0), label=0, group="g")
    for name in ("node_type", "role", "order", "value"):
        setattr(sample, name, getattr(sample, name)[:1])
    for name in ("head", "tail", "relation", "confidence", "level"):
        setattr(sample, name, getattr(sample, name)[:0])
    graphs = packed(tmp_path / "one", [sample])
    figure = climb_figure(climb(toy_model(3), graphs, 0), graphs.sample(0), SCHEMA)
    assert png_bytes(figure)[1:4] == b"PNG"
