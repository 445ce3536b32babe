"""Nothing is deleted without a yes, nothing that is no checkpoint, and nothing under training."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsm.dashboard.removal import delete, measure
from nsm.errors import RunError
from nsm.runs import Run, exclusive
from tests.analysis.made_runs import add_history, make_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = make_run(tmp_path, "a")
    add_history(run, 2)
    run.last.write_bytes(b"x" * 2**20)
    run.best.write_bytes(b"y")
    return run


def test_only_after_a_yes(run: Run) -> None:
    assert measure(run.last) == f"{run.last}: 1 file, 1.0 MiB"
    assert delete(run.last) == f"would delete {measure(run.last)}; confirm=True deletes it"
    assert run.last.exists()
    told = delete(str(run.last), confirm=True)
    assert told.startswith("deleted") and "1.0 MiB" in told and "cannot go on" in told
    assert not run.last.exists() and run.best.exists()
    assert delete(run, confirm=True).startswith(f"deleted {run.folder}: 3 files")
    assert not run.folder.exists()


def test_what_is_refused(run: Run, tmp_path: Path) -> None:
    for place in (run.history, tmp_path, tmp_path / "none.pt"):
        with pytest.raises(RunError, match="expected a checkpoint"):
            delete(place, confirm=True)
    with exclusive(run):
        for place in (run.last, run.folder):
            with pytest.raises(RunError, match="is being trained"):
                delete(place, confirm=True)
    assert run.last.exists()
    (tmp_path / "by_hand.pt").write_bytes(b"z")
    assert delete(tmp_path / "by_hand.pt", confirm=True).startswith("deleted")
