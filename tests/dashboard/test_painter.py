"""The painter draws what the folder holds, and dies quietly."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import pytest

from nsm.dashboard.painter import Painter, main
from nsm.runs import Run
from tests.analysis.made_runs import add_history, make_run


def wait_for(painter: Painter) -> bytes | None:
    limit = time.monotonic() + 120
    while painter.is_busy and time.monotonic() < limit:
        if (png := painter.fetch()) is not None:
            return png
        time.sleep(0.02)
    return None


def test_it_draws_on_demand(tmp_path: Path) -> None:
    run = make_run(tmp_path, "a")
    add_history(run, 3)
    painter = Painter(run)
    assert painter.fetch() is None  # nothing was asked for
    painter.ask()
    png = wait_for(painter)
    assert png is not None and png.startswith(b"\x89PNG")
    assert painter.seconds > 0
    folder = painter._folder
    painter.close()
    assert not painter.is_alive
    assert not folder.exists()


def test_a_painter_that_dies_is_no_longer_asked(tmp_path: Path) -> None:
    painter = Painter(Run(tmp_path))
    painter._process.kill()
    painter._process.wait()
    painter.ask()
    assert wait_for(painter) is None
    assert not painter.is_alive and not painter.is_busy
    painter.close()


def test_main_ends_with_its_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path, "b")
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n\n"))
    main(str(run.folder), str(tmp_path / "view.png"))
    assert [float(line) > 0 for line in capsys.readouterr().out.splitlines()] == [True, True]
    assert (tmp_path / "view.png").read_bytes().startswith(b"\x89PNG")
