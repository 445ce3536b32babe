"""A run is followed by its folder, until it ends or nobody wants to look any more."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from nsm.dashboard import following
from nsm.dashboard.following import follow, show
from nsm.errors import RunError
from tests.analysis.made_runs import add_history, end, make_run
from tests.dashboard.fake_notebook import FakeNotebook


def test_once(tmp_path: Path, notebook: FakeNotebook) -> None:
    run = make_run(tmp_path, "a")
    add_history(run, 2)
    show("a", root=tmp_path)
    show(run.folder)
    assert len(notebook.handles) == 4 and len(notebook.pictures) == 2
    assert notebook.texts[0].startswith("epochs") and "running: epoch 2 of 4" in notebook.texts[0]


def test_until_the_end(tmp_path: Path, notebook: FakeNotebook) -> None:
    run = make_run(tmp_path, "a")
    add_history(run, 1)
    timers = [threading.Timer(0.3, add_history, (run, 3)), threading.Timer(0.8, end, (run,))]
    for timer in timers:
        timer.start()
    follow(run, every=0.02)
    for timer in timers:
        timer.join()
    assert len(notebook.handles) == 2
    assert "finished: epoch 3 of 4" in notebook.texts[-1]
    assert len(set(notebook.pictures)) >= 2


def test_no_longer_than_wanted_and_without_a_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path, "a")
    follow(run, until=0.1)
    assert "running: epoch 0 of 4" in capsys.readouterr().err
    add_history(run, 4)
    end(run)
    follow(run)
    assert "finished: epoch 4 of 4" in capsys.readouterr().err


def test_an_interrupt_ends_the_showing_only(
    tmp_path: Path, notebook: FakeNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(following.time, "sleep", interrupt)
    run = make_run(tmp_path, "a")
    follow(run)
    assert notebook.texts[-1].startswith("no longer shown; a goes on: running")
    assert not run.stop.exists()


def test_no_such_run(tmp_path: Path) -> None:
    for look in (show, follow):
        with pytest.raises(RunError, match="no run is called 'x'"):
            look("x", root=tmp_path)
