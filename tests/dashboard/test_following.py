"""A run is followed by its folder, until it ends or nobody wants to look any more."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nsm.dashboard import following
from nsm.dashboard.following import follow, show
from nsm.errors import RunError
from nsm.runs import Run
from tests.analysis.made_runs import add_history, end, make_run
from tests.dashboard.fake_notebook import FakeNotebook
from tests.dashboard.fake_training import wait_until


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


def test_a_training_of_a_terminal_appears_live(tmp_path: Path, notebook: FakeNotebook) -> None:
    """A real ``nsm train`` of another process: bar and curves move while it trains, and the end is told."""
    settings = ["epochs=2000", "channels=8", "blocks=1", "batch_size=32", "workers=0", "planning.graphs=160", "run=t"]
    command = [sys.executable, "-m", "nsm", "train", "planning", "--root", str(tmp_path), "--quiet"]
    command += [part for setting in settings for part in ("--set", setting)]
    run = Run(tmp_path / "planning" / "runs" / "t")

    def stop_when_seen() -> None:
        end = time.monotonic() + 120
        while len(set(notebook.pictures)) < 4 and time.monotonic() < end:
            time.sleep(0.05)
        run.stop.touch()

    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as training:
        wait_until(run.history.exists)
        viewer = threading.Thread(target=stop_when_seen)
        viewer.start()
        follow("t", every=0.05, root=tmp_path)
        viewer.join()
        assert training.wait(60) == 0
    epochs = [int(found[1]) for text in notebook.texts if (found := re.search(r"running: epoch (\d+) of 2000", text))]
    assert len(set(epochs)) >= 3 and epochs == sorted(epochs)
    assert len(set(notebook.pictures)) >= 4
    assert f"interrupted: epoch {len(run.read_history())} of 2000" in notebook.texts[-1]


def test_an_epoch_is_drawn_once(tmp_path: Path, notebook: FakeNotebook, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, "a")
    add_history(run, 1)
    looks = iter([None, None, lambda: add_history(run, 3), None, None, lambda: end(run)])

    def sleep(_: float) -> None:
        if happens := next(looks):
            happens()

    monkeypatch.setattr(following.time, "sleep", sleep)
    monkeypatch.setattr(following.Pace, "is_due", True)
    follow(run)
    assert len(notebook.pictures) == 3  # of the first epoch, of the third, and at the end
    assert len(notebook.texts) == 7


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
