"""Memory, processors, limits and signals, as a system with other figures would tell them."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsm.diagnosis import machine

GIB = 2**30


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty /proc, /sys/fs/cgroup and /dev/shm below one folder."""
    for name, folder in (("PROC", "proc"), ("CGROUP", "cgroup"), ("SHARED", "shm")):
        (tmp_path / folder).mkdir()
        monkeypatch.setattr(machine, name, tmp_path / folder)
    return tmp_path


def set_memory(system: Path, free: float, limit: float | None = None, used: float = 0.0) -> None:
    lines = f"MemTotal: {16 * GIB // 1024} kB\nMemAvailable: {int(free * GIB) // 1024} kB\nHugePages_Total: 0\n"
    (system / "proc" / "meminfo").write_text(lines)
    (system / "cgroup" / "memory.max").write_text("max\n" if limit is None else f"{int(limit * GIB)}\n")
    (system / "cgroup" / "memory.current").write_text(f"{int(used * GIB)}\n")


@pytest.mark.parametrize(
    ("free", "limit", "used", "status", "detail"),
    [
        (8, None, 1, "ok", "8.0 of 16.0 GiB free"),
        (1, None, 1, "note", "1.0 of 16.0 GiB free"),
        (0.3, None, 1, "problem", "0.3 of 16.0 GiB free: too little for the default training"),
        (8, 4, 1, "ok", "8.0 of 16.0 GiB free; the container has 3.0 of 4.0 GiB left"),
        (8, 4, 3, "note", "8.0 of 16.0 GiB free; the container has 1.0 of 4.0 GiB left"),
        (8, 4, 3.9, "problem", "the container has 0.1 of 4.0 GiB left: too little"),
    ],
)
def test_memory(system: Path, free: float, limit: float | None, used: float, status: str, detail: str) -> None:
    set_memory(system, free, limit, used)
    found, told, remedy = machine.memory()
    assert (found, detail in told) == (status, True), told
    assert (remedy is None) == (status == "ok")


def test_a_system_without_figures(system: Path) -> None:
    assert machine.memory()[0] == "note"
    (system / "shm").rmdir()
    status, detail, _ = machine.shared_memory()
    assert (status, "there is no" in detail) == ("note", True)


@pytest.mark.parametrize(
    ("processors", "quota", "wanted", "load", "status", "told"),
    [
        (8, None, None, 1.0, "ok", "8 of 16 processors may be used; OMP_NUM_THREADS is not set; load 1.0"),
        (8, "max 100000", "8", 1.0, "ok", "OMP_NUM_THREADS is 8"),
        (8, "200000 100000", None, 1.0, "ok", "8 of 16 processors may be used, for 2 of them the time"),
        (8, "200000 100000", "8", 1.0, "note", "OMP_NUM_THREADS is 8"),
        (2, None, "16", 1.0, "note", "OMP_NUM_THREADS is 16"),
        (2, "50000 100000", "1", 0.5, "ok", "for 0.5 of them the time"),
        (2, None, "1", 9.0, "note", "load 9.0, so others are at work"),
    ],
)
def test_threads(
    system: Path,
    monkeypatch: pytest.MonkeyPatch,
    processors: int,
    quota: str | None,
    wanted: str | None,
    load: float,
    status: str,
    told: str,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if wanted is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", wanted)
    if quota is not None:
        (system / "cgroup" / "cpu.max").write_text(f"{quota}\n")
    found, detail, _ = machine.threads()
    assert (found, told in detail) == (status, True), detail


@pytest.mark.usefixtures("system")
def test_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LITTLE_SHARED_MEMORY", 1)
    assert machine.shared_memory()[0] == "ok"
    monkeypatch.setattr(machine, "LITTLE_SHARED_MEMORY", 2**62)
    status, _, remedy = machine.shared_memory()
    assert status == "note"
    assert remedy is not None and "--shm-size" in remedy


@pytest.fixture
def few_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("few_files")
def test_few_open_files() -> None:
    status, detail, remedy = machine.limits()
    assert (status, remedy) == ("note", "ulimit -n 1024")
    assert detail.startswith("200 open files")


def test_other_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {resource.RLIMIT_NOFILE: resource.RLIM_INFINITY, resource.RLIMIT_FSIZE: 2**20}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (figures.get(kind, resource.RLIM_INFINITY),) * 2)
    assert machine.limits() == (
        "note",
        "any number of open files; a file of 1 MiB at most",
        "ulimit -f unlimited",
    )
    figures.pop(resource.RLIMIT_FSIZE)
    assert machine.limits() == ("ok", "any number of open files", None)


@pytest.fixture
def default_signals() -> Iterator[None]:
    """Handlers as in a shell of a person; a background shell ignores Ctrl-C, and so would the tests in it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("default_signals")
def test_signals() -> None:
    assert machine.signals()[0] == "ok"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status, detail, _ = machine.signals()
        assert (status, detail) == ("note", "ignored in this shell: SIGINT, as after nohup or &")
    finally:
        signal.signal(signal.SIGINT, before)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        assert machine.signals()[:2] == ("note", "blocked in this shell: SIGTERM")
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
