"""The run folder: where it is, how it is named and found, and that nothing is ever half written."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import time
from multiprocessing.synchronize import Event as EventType
from pathlib import Path

import pytest

from nsm import runs
from nsm.errors import RunError
from nsm.runs import (
    create_run,
    discarding,
    ensure_writable,
    find_run,
    list_runs,
    locked,
    replacing,
    resolve_root,
    write_json,
)


def finished_run(root: Path, name: str, age: float = 0.0) -> runs.Run:
    run = create_run(root, "planning", name)
    run.config.write_text("")
    moment = time.time() - age
    os.utime(run.config, (moment, moment))
    return run


def test_the_root_is_the_given_one_then_the_environment_then_the_mount_then_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "CLOUD_ROOT", tmp_path / "volume")
    monkeypatch.delenv("NSM_ROOT", raising=False)
    assert resolve_root() == Path("checkpoints")
    (tmp_path / "volume").mkdir()
    assert resolve_root() == tmp_path / "volume"
    monkeypatch.setenv("NSM_ROOT", "/from/environment")
    assert resolve_root() == Path("/from/environment")
    assert resolve_root(Path("/given")) == Path("/given")
    assert resolve_root(Path("~/x")) == Path.home() / "x"


def test_runs_without_a_name_never_collide(tmp_path: Path) -> None:
    names = {create_run(tmp_path, "planning").name for _ in range(50)}
    assert len(names) == 50
    assert all(folder.parent == tmp_path / "planning" / "runs" for folder in tmp_path.glob("planning/runs/*"))


def test_a_name_is_used_once(tmp_path: Path) -> None:
    run = create_run(tmp_path, "planning", "high_cycle_weight")
    assert run.folder == tmp_path / "planning" / "runs" / "high_cycle_weight"
    with pytest.raises(RunError, match="exists already"):
        create_run(tmp_path, "planning", "high_cycle_weight")


def test_a_root_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "below", Path("/proc/nsm")):
        with pytest.raises(RunError, match="cannot write") as caught:
            ensure_writable(folder)
        assert caught.value.file == str(folder)
        assert "--root" in str(caught.value.hint)


def test_a_root_that_can_be_written_is_left_empty(tmp_path: Path) -> None:
    ensure_writable(tmp_path / "new" / "root")
    assert list((tmp_path / "new" / "root").iterdir()) == []


def test_finding_a_run_by_folder_name_and_beginning(tmp_path: Path) -> None:
    first, second = finished_run(tmp_path, "alpha", 10), finished_run(tmp_path, "alpine")
    assert list_runs(tmp_path) == [first, second]
    assert find_run(first.folder, tmp_path / "elsewhere") == first
    assert find_run("alpha", tmp_path) == first
    assert find_run("alpi", tmp_path) == second


def test_a_full_name_beats_a_longer_one_that_begins_like_it(tmp_path: Path) -> None:
    short = finished_run(tmp_path, "run")
    finished_run(tmp_path, "run2")
    assert find_run("run", tmp_path) == short


def test_a_run_that_cannot_be_found_tells_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no runs yet"):
        find_run("x", tmp_path)
    finished_run(tmp_path, "alpha")
    finished_run(tmp_path, "alpine")
    with pytest.raises(RunError, match=r"no run is called 'x' .*alpha, alpine"):
        find_run("x", tmp_path)
    with pytest.raises(RunError, match=r"2 runs are called 'al'"):
        find_run("al", tmp_path)


def test_replacing_shows_the_old_content_or_the_new(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    with replacing(file) as temporary:
        temporary.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    with pytest.raises(TypeError), replacing(file) as temporary:
        temporary.write_text(3)  # type: ignore[arg-type]
    assert file.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_json_that_no_other_program_could_read_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_before_anything_is_learned_is_removed(tmp_path: Path) -> None:
    run = create_run(tmp_path, "planning", "a")
    with discarding(run):
        run.config.write_text("seed = 1\n")
    assert run.config.exists()
    with pytest.raises(KeyboardInterrupt), discarding(run):
        raise KeyboardInterrupt
    assert list(run.folder.parent.iterdir()) == []
    for number, name in enumerate(("history", "last")):
        run = create_run(tmp_path, "planning", str(number))
        getattr(run, name).touch()
        with pytest.raises(KeyError), discarding(run):
            raise KeyError
        assert list(run.folder.iterdir()) == [getattr(run, name)]


def test_the_history_grows_line_by_line(tmp_path: Path) -> None:
    run = create_run(tmp_path, "planning", "a")
    for epoch in (1, 2):
        run.append_history({"epoch": epoch})
    assert [json.loads(line) for line in run.history.read_text().splitlines()] == [{"epoch": 1}, {"epoch": 2}]


def _hold_and_die(path: Path, is_held: EventType) -> None:
    with locked(path):
        is_held.set()
        os._exit(1)


def test_the_lock_of_a_dead_process_holds_nobody_up(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    is_held = context.Event()
    process = context.Process(target=_hold_and_die, args=(tmp_path / "best", is_held))
    process.start()
    assert is_held.wait(30)
    process.join(30)
    with locked(tmp_path / "best"):
        pass


def test_a_lock_leaves_nothing_behind(tmp_path: Path) -> None:
    with locked(tmp_path / "best"):
        assert [path.name for path in tmp_path.iterdir()] == [".best.lock"]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError), locked(tmp_path / "best"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def _take_turns(path: Path, count: int) -> None:
    for _ in range(count):
        with locked(path):
            (path / "inside").mkdir()  # fails if another process is inside
            (path / "inside").rmdir()


def test_one_at_a_time_though_each_removes_the_lock(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    (tmp_path / "place").mkdir()
    turns = [context.Process(target=_take_turns, args=(tmp_path / "place", 200)) for _ in range(3)]
    for process in turns:
        process.start()
    for process in turns:
        process.join(60)
    assert [process.exitcode for process in turns] == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


def test_who_waits_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    is_waiting, is_inside = threading.Event(), threading.Event()

    def wait() -> None:
        told.append("waiting")
        is_waiting.set()

    def second() -> None:
        with locked(tmp_path / "best", wait):
            is_inside.set()

    with locked(tmp_path / "best"):
        waiting = threading.Thread(target=second)
        waiting.start()
        assert is_waiting.wait(30)
        assert not is_inside.is_set()
    waiting.join(30)
    assert is_inside.is_set()
    assert told == ["waiting"]


def test_a_lock_excludes(tmp_path: Path) -> None:
    from filelock import FileLock, Timeout

    with locked(tmp_path / "best"), pytest.raises(Timeout):
        FileLock(tmp_path / ".best.lock").acquire(timeout=0)


def test_a_line_of_history_that_was_being_written_does_not_count_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    run = create_run(tmp_path, "planning", "mine")
    run.append_history({"epoch": 1})
    with run.history.open("a") as stream:
        stream.write('{"epoch": 2, "val')
    assert run.read_history() == [{"epoch": 1}]
    run.history.write_text('{"epoch": 1}\nnot JSON\n{"epoch": 3}\n')
    with pytest.raises(RunError, match="expected a JSON object") as caught:
        run.read_history()
    assert caught.value.line == 2
