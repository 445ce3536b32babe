from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nsm.dashboard import cloud_session as module
from nsm.dashboard.cloud_session import TOKEN, Session, hold_session, trainings
from nsm.dashboard.server import Activity, Served
from nsm.errors import NSMError
from nsm.runs import Run, create_run, exclusive
from tests.cloud.memory import FakeVolume


@pytest.fixture
def volume() -> FakeVolume:
    return FakeVolume()


@pytest.fixture
def session(volume: FakeVolume, tmp_path: Path) -> Session:
    (tmp_path / "work").mkdir()
    return Session(volume, tmp_path / "root", time.monotonic() + 1e6, 60.0, tmp_path / "work", commit_seconds=1e6)


def test_it_ends_when_its_time_is_up(session: Session) -> None:
    assert not session.is_over(Activity(time.time(), is_busy=False))
    session.deadline = 0
    assert session.is_over(Activity(time.time(), is_busy=True)) and session.why == "its time is up"


def test_it_ends_when_nobody_is_there_and_nothing_is_computed(session: Session) -> None:
    long_ago = time.time() - 61
    assert not session.is_over(Activity(long_ago, is_busy=True))
    assert not session.is_over(Activity(long_ago + 30, is_busy=False))
    assert session.is_over(Activity(long_ago, is_busy=False))
    assert session.why == "nobody has done anything for 1 minutes"


def test_a_training_in_the_background_keeps_it(session: Session) -> None:
    run = create_run(session.root, "causal", "night", "")
    with exclusive(run):
        assert trainings(session.root) == [run]
        assert not session.is_over(Activity(time.time() - 61, is_busy=False))
    assert trainings(session.root) == []
    assert not session.is_over(Activity(time.time() - 61, is_busy=False))  # it has just ended
    session._trained = session._looked = 0.0
    assert session.is_over(Activity(time.time() - 61, is_busy=False))


def test_it_commits_now_and_then_with_what_kernels_have_written(session: Session, volume: FakeVolume) -> None:
    session.commit_seconds = 0.0
    (session.work / "deep").mkdir()
    (session.work / "deep" / "night.zip").write_text("one")
    (session.work / ".hidden").write_text("not this")
    assert not session.is_over(Activity(time.time(), is_busy=False))
    copy = session.root / "work" / "deep" / "night.zip"
    assert volume.commits == 1 and copy.read_text() == "one"
    (session.work / "deep" / "night.zip").write_text("two")
    os.utime(session.work / "deep" / "night.zip", (1, 1))
    session.commit()
    assert copy.read_text() == "two"
    assert [path.name for path in (session.root / "work").iterdir()] == ["deep"]


def test_a_commit_that_fails_is_told_and_ends_nothing(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(FakeVolume):
        def commit(self) -> None:
            raise NSMError("no way through")

    session.volume = Broken()
    session.commit()
    assert "not committed: no way through" in capsys.readouterr().out


class FakeServer:
    """Stands for JupyterLab: is told what it is to serve, tells where it is, ends as it is told."""

    def __init__(self, heard: int | None) -> None:
        self.heard, self.given = heard, {}
        self.environment: dict[str, str] = {}

    def __call__(self, notebook: Path, tell: Any, **given: Any) -> int | None:
        self.given, self.environment = {"notebook": notebook, **given}, dict(os.environ)
        tell(Served("http://127.0.0.1:9000/lab/tree/N.ipynb?token=x", "0.0.0.0", 9000, notebook, given["root"], 1))
        return self.heard


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, volume: FakeVolume) -> Iterator[Any]:
    """Holds a session with a server that ends at once; gives the server and what was forwarded."""
    monkeypatch.setenv(TOKEN, "secret")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.chdir(tmp_path)
    forwarded: list[str] = []

    @contextmanager
    def forward(port: int) -> Iterator[str]:
        forwarded.append(f"open {port}")
        yield f"https://there:{port}"
        forwarded.append(f"closed {port}")

    def hold(heard: int | None = None) -> tuple[FakeServer, list[str], str]:
        server = FakeServer(heard)
        monkeypatch.setattr(module, "serve", server)
        why = hold_session(volume, forward, session="s1", seconds=100, idle_seconds=60, root=tmp_path / "root")
        return server, forwarded, why

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield hold
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_it_serves_the_notebook_on_the_volume(held: Any, volume: FakeVolume, tmp_path: Path) -> None:
    server, forwarded, why = held()
    assert why == "the server was shut down" and forwarded == ["open 9000", "closed 9000"]
    assert server.given["notebook"] == tmp_path / "root" / "NSM_Training_Dashboard.ipynb"
    assert server.given["token"] == "secret" and server.given["kernels_in"] == tmp_path / "home" / "work"
    assert TOKEN not in server.environment and "secret" not in server.environment.values()
    assert str(Path(module.nsm.__file__).parents[1]) in server.environment["PYTHONPATH"]
    assert Path.cwd() == tmp_path / "home" / "work"  # outside of the volume
    assert volume.reloads == 1 and volume.commits == 2  # the announcement, and the end
    assert list((tmp_path / "root" / "sessions").iterdir()) == []


def test_the_users_copy_is_never_overwritten(held: Any, tmp_path: Path) -> None:
    held()
    copy = tmp_path / "root" / "NSM_Training_Dashboard.ipynb"
    copy.write_text("mine")
    os.environ[TOKEN] = "another"
    held()
    assert copy.read_text() == "mine"


def test_a_signal_saves_and_lets_another_container_go_on(held: Any, volume: FakeVolume) -> None:
    with pytest.raises(KeyboardInterrupt):
        held(signal.SIGTERM)
    assert volume.commits == 2


def test_trainings_in_the_background_save_before_the_end(held: Any, tmp_path: Path) -> None:
    run = Run(create_run(tmp_path / "root", "causal", "night", "").folder)
    begun, saved = threading.Event(), []

    def train() -> None:
        with exclusive(run):
            begun.set()
            while not run.stop.exists():
                time.sleep(0.01)
            saved.append(True)

    thread = threading.Thread(target=train)
    thread.start()
    begun.wait()
    held()
    thread.join()
    assert saved == [True]


def test_without_a_token_nothing_is_served(held: Any) -> None:
    del os.environ[TOKEN]
    with pytest.raises(NSMError, match="NSM_NOTEBOOK_TOKEN is not set"):
        held()
