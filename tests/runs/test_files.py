"""Files are never half written, and locks end with the process that holds them."""

from __future__ import annotations

import multiprocessing
import os
import stat
import threading
from multiprocessing.synchronize import Event as EventType
from pathlib import Path

import pytest

from nsm.runs import locked, replacing, write_json
from nsm.runs.files import remove_leftovers


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


def test_content_and_name_are_on_the_disk_before_it_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file before it gets its name, then the folder that has the name."""
    events: list[str] = []
    sync, replace = os.fsync, Path.replace

    def noted_sync(handle: int) -> None:
        events.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        sync(handle)

    def noted_replace(path: Path, target: Path) -> Path:
        events.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    write_json(tmp_path / "x.json", {})
    assert events == ["file", "rename", "folder"]


def test_json_that_no_other_program_could_read_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


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


def test_what_a_dead_process_left_unfinished_is_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = [".lock", "last.pt", ".hidden.toml", "notes.0123abcd"]
    for name in (*kept, ".last.pt.0123abcd"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
