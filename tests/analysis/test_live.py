"""The view is a function of the folder: it draws what is there, and bears what is not."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import pytest
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from nsm.analysis.levels import LEVEL_METRIC
from nsm.analysis.live import GRADIENTS, latest_figures, run_view
from nsm.analysis.plots import new_figure, png_bytes
from nsm.runs import Run
from tests.analysis.made_runs import add_history, make_run

GRADIENT = {GRADIENTS: {"encoder.linear": 0.1, "levels.0.blocks.0.f": 0.01, "readout.head.1": 0.0}}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make_run(tmp_path, "a", provenance={"majority": 0.5, "ceiling": 0.9})


def curves(figure: Figure, panel: int) -> set[str]:
    legend = figure.axes[panel].get_legend()
    return set() if legend is None else {text.get_text() for text in legend.get_texts()}


def test_all_that_a_history_has(run: Run) -> None:
    add_history(run, 4)
    figure = run_view(run)
    assert curves(figure, 0) >= {"train loss", "validation loss"}
    assert curves(figure, 1) >= {"validation accuracy", "majority 50.0%", "ceiling 90.0%", "best: 90.0% at epoch 4"}
    assert curves(figure, 3) == {"training", "validation"}
    assert figure.axes[5].get_title(loc="left") == "Gradient norm"
    assert figure.get_suptitle().startswith("a: running: epoch 4 of 4")
    (run.folder / "view.png").write_bytes(png_bytes(figure))
    assert matplotlib.image.imread(run.folder / "view.png").shape[:2] == (800, 1280)


@pytest.mark.parametrize(("epochs", "every"), [(4, 2), (40, 1)])
def test_no_legend_covers_a_curve_or_a_title(tmp_path: Path, epochs: int, every: int) -> None:
    run = make_run(tmp_path, "b", epochs=epochs, provenance={"majority": 0.502, "ceiling": 0.928})
    for epoch in range(1, epochs + 1):
        names = [f"{part}_{term}" for part in ("train", "val") for term in ("loss", "task_loss", "cycle_loss", "acc")]
        names += [f"{LEVEL_METRIC}{level}" for level in range(3)]
        metrics = {name: 1 / epoch for name in names if epoch % every == 0 or name.startswith("train")}
        resources = {"seconds": 2.0, "graphs_per_second": 300.0, "memory_mib": 400.0}
        run.append_history({"epoch": epoch, "metrics": metrics, "resources": resources, **GRADIENT})
    figure = run_view(run)
    figure.draw_without_rendering()
    panels = figure.axes[:6]
    titles = [axes._left_title.get_window_extent() for axes in panels]
    ticks = [label.get_window_extent() for axes in panels for label in axes.get_xticklabels() if label.get_text()]
    legends = [legend.get_window_extent() for axes in panels if (legend := axes.get_legend()) is not None]
    assert len(legends) == 4
    for box in legends:
        assert not [1 for axes in panels if _overlap(box, axes.get_window_extent())]
        assert not [1 for other in (*titles, *ticks) if _overlap(box, other)]
        assert not [1 for other in legends if other is not box and _overlap(box, other)]
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    assert not [1 for title in titles for tick in ticks if _overlap(title, tick)]


def _overlap(one: Bbox, other: Bbox) -> bool:
    """By more than a point."""
    return min(one.x1, other.x1) - max(one.x0, other.x0) > 2 and min(one.y1, other.y1) - max(one.y0, other.y0) > 2


def test_layers_and_levels_where_the_history_has_them(run: Run) -> None:
    metrics = {f"{LEVEL_METRIC}0": 0.5, "val_cycle_loss": 0.4}
    add_history(run, 3, metrics=metrics, **GRADIENT)
    figure = run_view(run)
    assert curves(figure, 3) == {"validation", "level 0"}
    (image,) = figure.axes[5].images
    assert image.get_array().shape == (3, 3)
    assert image.get_array()[0, 0] == pytest.approx(-1)


def test_an_empty_run_says_so(run: Run) -> None:
    for folder in (run.folder, run.folder / "nowhere"):
        figure = run_view(Run(folder))
        said = [text.get_text() for axes in figure.axes for text in axes.texts]
        assert said == ["nothing yet"] * (5 if folder == run.folder else 6)  # a majority that is known is drawn
        assert png_bytes(figure)[1:4] == b"PNG"


def test_half_a_line_is_as_if_it_were_not_there(run: Run) -> None:
    add_history(run, 2)
    before = png_bytes(run_view(run, now=0.0))
    with run.history.open("a") as stream:
        stream.write('{"epoch": 3, "metrics": {"train_lo')
    assert png_bytes(run_view(run, now=0.0)) == before


def test_latest_figures_below_and_one_that_is_damaged(run: Run) -> None:
    run.figures.mkdir()
    for name in ("by_length", "confusion", "reliability"):
        (run.figures / f"{name}.png").write_bytes(png_bytes(new_figure(2, 2)))
    (run.figures / "by_length.png").write_bytes(b"\x89PNG half")
    assert [path.stem for path in latest_figures(run)] == ["confusion", "reliability", "by_length"]
    figure = run_view(run)
    assert "by_length.png is not whole" in [text.get_text() for axes in figure.axes for text in axes.texts]
    assert figure.get_size_inches().tolist() == [8.0, 7.0]
    assert len(run_view(run, pictures=0).axes) == 6
