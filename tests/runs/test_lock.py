"""One process per run folder; what a dead process left is no obstacle."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import signal
import threading
from multiprocessing.synchronize import Event as EventType
from pathlib import Path

import pytest

from nsm.errors import RunError
from nsm.runs import Run, create_run, exclusive, is_held, require_free


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(tmp_path, "planning", "mine")


def _hold(run: Run, has_begun: EventType) -> None:
    with exclusive(run):
        has_begun.set()
        signal.pause()


def test_a_second_process_is_refused_until_the_first_is_dead(run: Run) -> None:
    context = multiprocessing.get_context("spawn")
    has_begun = context.Event()
    process = context.Process(target=_hold, args=(run, has_begun))
    assert is_held(run) is None
    process.start()
    assert has_begun.wait(60)
    assert is_held(run) is True
    with pytest.raises(RunError, match=f"is being trained by process {process.pid} on ") as caught:
        require_free(run)
    assert caught.value.file == str(run.folder)
    assert "'stop'" in str(caught.value.hint)
    process.kill()
    process.join(60)
    assert run.lock.exists(), "it had no time to clear up"
    assert is_held(run) is False
    run.lock.write_text(run.lock.read_text().replace('"host": "', '"host": "not '))
    assert is_held(run) is None  # of another machine nothing is known
    with exclusive(run):
        assert json.loads(run.lock.read_bytes())["process"] == os.getpid()


def test_it_is_exclusive_within_a_process_too_and_leaves_nothing(run: Run) -> None:
    with exclusive(run), pytest.raises(RunError, match="is being trained by"), exclusive(run):
        pass
    assert list(run.folder.iterdir()) == []
    require_free(run)
    with pytest.raises(KeyError), exclusive(run):
        raise KeyError
    require_free(run)


def test_a_holder_that_has_not_said_who_it_is(run: Run) -> None:
    with exclusive(run):
        run.lock.write_bytes(b"")
        with pytest.raises(RunError, match="another process"):
            require_free(run)


def _take_turns(run: Run, count: int) -> None:
    done = 0
    while done < count:
        try:
            with exclusive(run):
                (run.folder / "inside").mkdir()  # fails if another process is inside
                (run.folder / "inside").rmdir()
                done += 1
        except RunError:
            continue


def test_one_at_a_time_though_each_removes_the_lock(run: Run) -> None:
    context = multiprocessing.get_context("spawn")
    turns = [context.Process(target=_take_turns, args=(run, 100)) for _ in range(2)]
    for process in turns:
        process.start()
    for process in turns:
        process.join(60)
    assert [process.exitcode for process in turns] == [0, 0]


def test_a_lock_whose_file_is_gone_is_taken_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its holder removed it between our opening and our locking it: others would not see it."""
    taken: list[int] = []
    lock = fcntl.flock

    def late(handle: int, how: int) -> None:
        lock(handle, how)
        if not taken:
            run.lock.unlink()
        taken.append(handle)

    monkeypatch.setattr(fcntl, "flock", late)
    with exclusive(run):
        assert run.lock.exists()
    assert len(taken) == 2


def test_a_glance_keeps_nobody_out(run: Run) -> None:
    with exclusive(run):
        assert is_held(run) is True
    run.lock.write_text("{}")
    with run.lock.open("rb") as glance:
        fcntl.flock(glance, fcntl.LOCK_SH)
        threading.Timer(0.05, glance.close).start()
        require_free(run)
    assert is_held(run) is None
