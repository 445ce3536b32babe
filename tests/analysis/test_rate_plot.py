"""The picture of a range test."""

from __future__ import annotations

import math

import pytest

from nsm.analysis.plots import png_bytes
from nsm.analysis.rate_plot import rate_figure

RATES = [10 ** (-6 + step / 20) for step in range(100)]
LOSSES = [1 - 0.4 / (1 + math.exp(-2 * (math.log10(rate) + 3))) for rate in RATES]


@pytest.mark.parametrize(
    ("suggestion", "limit", "labels"),
    [
        (1e-3, 0.3, ["configured: 0.004", "suggested: 0.001", "exploded from 0.3"]),
        (None, None, ["configured: 0.004"]),
    ],
)
def test_what_was_found_is_marked(suggestion: float | None, limit: float | None, labels: list[str]) -> None:
    figure = rate_figure(RATES, LOSSES, LOSSES, suggestion=suggestion, limit=limit, configured=0.004)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert axes.get_legend_handles_labels()[1] == ["loss of each step", "smoothed", *labels]
    assert png_bytes(figure).startswith(b"\x89PNG")
