"""The panel's buttons do what its methods do, and show what the folder holds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsm.config import Config
from nsm.dashboard import background_runs, control_panel
from nsm.dashboard.control_panel import ControlPanel, panel
from nsm.errors import NSMError
from tests.analysis.made_runs import add_history, end, make_run
from tests.dashboard.fake_notebook import FakeNotebook
from tests.dashboard.fake_training import fake_launch, wait_until

pytest.importorskip("ipywidgets")


def usable(shown: ControlPanel) -> set[str]:
    return {name for name, button in shown.buttons.items() if not button.disabled}


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPanel]:
    monkeypatch.setattr(background_runs, "launch", fake_launch)
    made = panel(Config(root=tmp_path, epochs=5))
    yield made
    if made.job is not None:
        made.job.stop(wait=0.0)


def test_two_panels_on_one_run(shown: ControlPanel, tmp_path: Path) -> None:
    assert (shown.state, usable(shown)) == ("new", {"start"})
    with pytest.raises(NSMError, match="nothing has been started"):
        shown.pause()
    shown.buttons["start"].click()
    assert shown.job is not None
    job = shown.job
    wait_until(lambda: job.state == "building")
    assert usable(shown) == {"pause", "stop"}
    (tmp_path / "go").touch()
    wait_until(lambda: shown._picture.value != b"")  # the panel keeps itself current
    first = shown._picture.value
    other = panel(job.run.name, root=tmp_path)
    assert (other.state, usable(other)) == ("running", {"pause", "stop"})
    assert "epoch 1 of 5" in other._line.value

    other.buttons["pause"].click()
    wait_until(lambda: usable(shown) == {"resume"})
    assert usable(other) == {"resume"}
    wait_until(lambda: "interrupted" in shown._line.value)
    shown.resume()
    wait_until(lambda: "epoch 2 of 5" in shown._line.value)
    wait_until(lambda: shown._picture.value != first)  # the curves go on too
    shown.stop()
    assert shown.state == "interrupted"
    with pytest.raises(NSMError, match="has been started"):
        shown.start()


def test_an_error_becomes_a_line(tmp_path: Path) -> None:
    run = make_run(tmp_path, "a")
    add_history(run, 4)
    end(run)
    shown = panel(run)
    assert usable(shown) == set()
    shown._press("resume")
    assert "the run has finished" in shown._line.value
    assert bytes(shown._picture.value).startswith(b"\x89PNG")


def test_the_curves_follow_each_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, "a")
    drawn = []
    monkeypatch.setattr(control_panel, "run_view", lambda run: drawn.append(len(run.read_history())))
    monkeypatch.setattr(control_panel, "png_bytes", lambda _: b"\x89PNG")
    shown = panel(run)
    assert drawn == []  # there is nothing yet
    for _ in range(2):
        add_history(run, 1)
        shown.refresh()
        shown.refresh()
    assert drawn == [1]  # nothing has changed but the number of lines
    add_history(run, 3)
    shown.refresh()
    shown.refresh()
    assert drawn == [1, 5]


def test_line_and_curves_stay_beside_the_widget(tmp_path: Path, notebook: FakeNotebook) -> None:
    run = make_run(tmp_path, "a")
    panel(run)._ipython_display_()
    add_history(run, 2)
    shown = panel(run)
    shown._ipython_display_()
    end(run)
    shown.refresh()
    empty, kept = ([content["text/html"] for content, _ in handle.shown] for handle in notebook.handles)
    assert "epoch 0 of 4" in empty[0] and "<img" not in empty[0]
    assert "epoch 2 of 4" in kept[0] and '<img src="data:image/png' in kept[0]
    assert any("running" in html for html in kept) and "finished" in kept[-1]
    assert all("widget-view+json" in "".join(view) for view in notebook.shown_raw)


def test_without_widgets_there_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(NSMError, match="needs ipywidgets"):
        panel(Config(root=tmp_path))
