from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nsm.dashboard import cloud_session as module
from nsm.dashboard.cloud_session import TOKEN, Session, hold_session, trainings
from nsm.dashboard.server import Activity, Served
from nsm.errors import NSMError
from nsm.runs import create_run, exclusive
from tests.cloud.memory import FakeVolume


class WatchingVolume(FakeVolume):
    """Keeps what is announced at each commit, and whether the training has saved by then."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        self.announced: list[bool] = []
        self.saved: list[bool] = []

    def commit(self) -> None:
        super().commit()
        self.announced.append(any((self.root / "sessions").glob("*.json")))
        self.saved.append((self.root / "saved").exists())


@pytest.fixture
def volume(tmp_path: Path) -> WatchingVolume:
    return WatchingVolume(tmp_path / "root")


class Cancelled(BaseException):
    """As Modal's InputCancellation, which is no Exception."""


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

    def __init__(self, heard: int | None, failure: BaseException | None = None) -> None:
        self.heard, self.failure, self.given = heard, failure, {}
        self.environment: dict[str, str] = {}

    def __call__(self, notebook: Path, tell: Any, **given: Any) -> int | None:
        self.given, self.environment = {"notebook": notebook, **given}, dict(os.environ)
        tell(Served("http://127.0.0.1:9000/lab/tree/N.ipynb?token=x", "0.0.0.0", 9000, notebook, given["root"], 1))
        if self.failure is not None:
            raise self.failure
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

    def hold(heard: int | None = None, failure: BaseException | None = None, seconds: float = 100) -> Any:
        server = FakeServer(heard, failure)
        monkeypatch.setattr(module, "serve", server)
        why = hold_session(volume, forward, session="s1", seconds=seconds, idle_seconds=60, root=tmp_path / "root")
        return server, forwarded, why

    handlers = {number: signal.getsignal(number) for number in module.SIGNALS}
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


@pytest.mark.parametrize("failure", [Cancelled(), RuntimeError("port lost")])
def test_whatever_ends_it_all_is_committed_and_nothing_leads_to_it(
    held: Any, volume: WatchingVolume, failure: BaseException
) -> None:
    with pytest.raises(type(failure)):
        held(failure=failure)
    assert volume.announced == [True, False]
    assert {signal.getsignal(number) for number in module.SIGNALS} == {signal.SIG_IGN}


@pytest.mark.parametrize("is_served", [True, False])
def test_a_call_that_is_cancelled_ends_in_order(
    held: Any, volume: WatchingVolume, monkeypatch: pytest.MonkeyPatch, is_served: bool
) -> None:
    heard: list[int] = []

    def serve(_: FakeServer, notebook: Path, tell: Any, **given: Any) -> int | None:
        tell(Served("http://127.0.0.1:9000/lab/tree/N.ipynb?token=x", "0.0.0.0", 9000, notebook, given["root"], 1))
        signal.signal(signal.SIGTERM, (lambda number, _: heard.append(number)) if is_served else signal.SIG_DFL)
        signal.raise_signal(signal.SIGUSR1)
        return heard[0]

    monkeypatch.setattr(FakeServer, "__call__", serve)
    with pytest.raises(KeyboardInterrupt):
        held()
    assert heard == ([signal.SIGTERM] if is_served else []) and volume.announced == [True, False]


@pytest.fixture
def train(tmp_path: Path) -> Iterator[Callable[[bool], None]]:
    """Starts a training in the background, which saves when it is asked to stop if it hears that."""
    over, threads = threading.Event(), []

    def start(hears: bool) -> None:
        run, begun = create_run(tmp_path / "root", "causal", "night", ""), threading.Event()

        def work() -> None:
            with exclusive(run):
                begun.set()
                while not over.is_set() and not (hears and run.stop.exists()):
                    time.sleep(0.01)
                (tmp_path / "root" / "saved").touch()

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        begun.wait()

    yield start
    over.set()
    for thread in threads:
        thread.join()


def test_trainings_in_the_background_save_before_the_end(
    held: Any, volume: WatchingVolume, train: Callable[[bool], None]
) -> None:
    train(True)
    held()
    assert volume.saved == [False, False, True]  # what is there is committed first, then what was saved


def test_a_container_that_has_to_go_does_not_wait_long(
    held: Any, volume: WatchingVolume, train: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.HURRY <= 20 < module.GRACE
    monkeypatch.setattr(module, "HURRY", 0.2)
    train(False)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        held(signal.SIGINT)
    assert time.monotonic() - began < 20 and volume.announced == [True, False, False]


def test_it_ends_some_time_before_the_container_does(held: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    deadlines: list[float] = []
    monkeypatch.setattr(module, "_close", lambda session, *_, **__: deadlines.append(session.deadline))
    for seconds, margin in ((14_400, module.MARGIN), (100, 20)):
        monkeypatch.setenv(TOKEN, "secret")
        began = time.monotonic()
        held(seconds=seconds)
        assert deadlines.pop() - began == pytest.approx(seconds - margin, abs=10)
    assert module.MARGIN == 120


def test_without_a_token_nothing_is_served(held: Any) -> None:
    del os.environ[TOKEN]
    with pytest.raises(NSMError, match="NSM_NOTEBOOK_TOKEN is not set"):
        held()
