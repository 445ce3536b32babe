"""Permissions, room, locks and leftovers, on a disk that is full, read-only or without locks."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from nsm.diagnosis import storage
from nsm.runs import locked

GIB = 2**30


def contents(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_writable(tmp_path: Path) -> None:
    assert storage.writable(tmp_path, "--root") == ("ok", f"{tmp_path} can be written to", None)
    assert storage.writable(tmp_path / "a" / "b", "--root") == ("ok", f"{tmp_path / 'a' / 'b'} can be made", None)
    assert contents(tmp_path) == []


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "root").touch()
    status, detail, remedy = storage.writable(tmp_path / "root" / "data", "--root")
    assert (status, detail) == ("problem", f"{tmp_path / 'root'} is a file, not a folder")
    assert remedy == "name another folder with --root"


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_disk_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise OSError(number, os.strerror(number))

    if step == "fsync":
        monkeypatch.setattr(os, "fsync", refuse)
    else:
        monkeypatch.setattr(Path, step, refuse)
    status, detail, remedy = storage.writable(tmp_path, "$TMPDIR")
    assert (status, detail) == ("problem", f"{tmp_path}: {os.strerror(number)}")
    assert remedy is not None and "$TMPDIR" in remedy
    assert contents(tmp_path) == []


def test_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert storage.temporary() == ("ok", f"{tmp_path} can be written to", None)

    def fail() -> NoReturn:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", fail)
    status, detail, remedy = storage.temporary()
    assert (status, detail) == ("problem", "No usable temporary directory found")
    assert remedy is not None and "TMPDIR" in remedy


def test_locking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage.locking(tmp_path / "new") == ("ok", "locks are respected", None)

    def refuse(*_: Any) -> NoReturn:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    status, detail, remedy = storage.locking(tmp_path)
    assert (status, os.strerror(errno.ENOLCK) in detail) == ("note", True)
    assert remedy is not None and "local disk" in remedy


@pytest.mark.parametrize(
    ("free", "entries", "status"),
    [(50.0, 10**6, "ok"), (1.0, 10**6, "note"), (0.01, 10**6, "problem"), (50.0, 5, "problem")],
)
def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, entries: int, status: str) -> None:
    figures = SimpleNamespace(f_bavail=int(free * GIB) // 4096, f_frsize=4096, f_files=10**7, f_favail=entries)
    monkeypatch.setattr(os, "statvfs", lambda _: figures)
    found, detail, remedy = storage.disk([tmp_path / "root", tmp_path / "root" / "data"])
    assert (found, detail.startswith(f"{free:.1f} GiB free at {tmp_path}")) == (status, True)
    assert detail.count("GiB") == 1  # one disk is told of once
    assert (remedy is None) == (status == "ok")


def test_leftovers(tmp_path: Path) -> None:
    run = tmp_path / "planning" / "runs" / "first"
    run.mkdir(parents=True)
    for name in ("best_model.pt", "config.toml", "stop", ".gitignore"):
        (run / name).touch()
    assert storage.leftovers(tmp_path) == ("ok", "no locks, nothing half written", None)
    with locked(tmp_path / "data" / "set"):
        assert storage.leftovers(tmp_path) == ("ok", f"in use by a process: {tmp_path / 'data'}", None)
    for name in (".lock", ".last.pt.0123abcd", ".best_model.pt.lock"):
        (run / name).touch()
    before = contents(tmp_path)
    status, detail, remedy = storage.leftovers(tmp_path)
    assert (status, detail) == ("note", "left by processes that died: 3 files")
    assert remedy is not None and all(f"'{run / name}'" in remedy for name in (".lock", ".last.pt.0123abcd"))
    assert contents(tmp_path) == before


def test_many_leftovers_are_cut_short(tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f".last.pt.0123abc{number}").touch()
    _, detail, remedy = storage.leftovers(tmp_path)
    assert detail.endswith("8 files")
    assert remedy is not None and remedy.endswith(" and 3 more")


def test_a_root_that_is_not_there(tmp_path: Path) -> None:
    assert storage.leftovers(tmp_path / "nowhere")[0] == "ok"
    assert storage.nearest(tmp_path / "a" / "b") == tmp_path
    assert storage.nearest(Path("nowhere/at/all")) == Path.cwd()
