"""A session of the notebook inside a cloud's container: served, watched, committed, ended in order."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType

import nsm
from nsm.cloud.announcing import announce, withdraw
from nsm.cloud.storage import MountedVolume
from nsm.dashboard.delivery import copy_notebook
from nsm.dashboard.server import PORT, Activity, Served, serve
from nsm.errors import NSMError
from nsm.runs import Run, is_held, is_locked, list_runs
from nsm.runs.folder import CLOUD_ROOT

__all__ = ["MARGIN", "TOKEN", "Session", "hold_session", "trainings"]

TOKEN = "NSM_NOTEBOOK_TOKEN"
MARGIN = 120
"""Seconds before the end of the container's time at which the session ends."""

COMMIT_SECONDS = 120.0
LOOK = 20.0  # seconds between two looks for trainings, once nobody does anything
GRACE = 60.0  # seconds that trainings in the background have to save
HURRY = 15.0  # the same after a signal: half a minute later the container is killed
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""SIGUSR1 is how Modal cancels a call."""


@dataclass
class Session:
    """A session under way.

    Attributes:
        volume: What is committed.
        root: Where it is mounted.
        deadline: When it ends, as ``time.monotonic`` tells.
        idle_seconds: After so long without anybody doing anything and without a training it ends.
        work: Where kernels work: outside of the volume, with a copy in ``work`` on it.
        commit_seconds: Least time between two commits.
        why: Why it ends; empty before.
    """

    volume: MountedVolume
    root: Path
    deadline: float
    idle_seconds: float
    work: Path
    commit_seconds: float = COMMIT_SECONDS
    why: str = ""
    _committed: float = field(default_factory=time.monotonic)
    _looked: float = 0.0
    _trained: float = 0.0

    def is_over(self, activity: Activity) -> bool:
        """Whether it has to end now; commits on the way, where that is due."""
        now = time.monotonic()
        if now - self._committed >= self.commit_seconds:
            self.commit()
        if now >= self.deadline:
            self.why = "its time is up"
        elif self._idle(activity) >= self.idle_seconds:
            self.why = f"nobody has done anything for {self.idle_seconds / 60:.0f} minutes"
        return bool(self.why)

    def _idle(self, activity: Activity) -> float:
        """Seconds since somebody did something, or something was trained."""
        now = time.time()
        idle = 0.0 if activity.is_busy else now - max(activity.last, self._trained)
        if idle >= self.idle_seconds and now - self._looked >= min(LOOK, self.idle_seconds):
            self._looked = now
            if trainings(self.root):
                self._trained, idle = now, 0.0
        return idle

    def commit(self) -> None:
        """Copies what kernels have written where they work, and commits; a failure is told and tried again later."""
        self._committed = time.monotonic()
        try:
            _copy_new(self.work, self.root / "work")
            self.volume.commit()
        except (NSMError, OSError) as failure:
            print(f"not committed: {failure}", flush=True)  # noqa: T201


def hold_session(
    volume: MountedVolume,
    forward: Callable[[int], AbstractContextManager[str]],
    *,
    session: str,
    seconds: float,
    idle_seconds: float,
    root: Path = CLOUD_ROOT,
    port: int = PORT,
) -> str:
    """Serves the dashboard, on the volume, until its time is up, nobody needs it any more, or the server is shut down.

    The token comes in the environment, where kernels do not find it, and is told to nobody here: the address that is
    announced is without it.

    Args:
        volume: The volume.
        forward: Makes a port reachable from outside.
        session: Under which name the address is announced.
        seconds: The container's time.
        idle_seconds: See :class:`Session`.
        root: Where the volume is mounted.
        port: The first port that is tried.

    Returns:
        Why it ended.

    Raises:
        KeyboardInterrupt: If a signal ended it: everything is saved, and another container may go on.
    """
    token = os.environ.pop(TOKEN, None)
    if not token:
        raise NSMError(f"the session has no token: {TOKEN} is not set")
    _show_package_to_kernels()
    volume.reload()
    copy = copy_notebook(root)
    margin = min(MARGIN, 0.2 * seconds)
    held = Session(volume, root, time.monotonic() + seconds - margin, idle_seconds, Path.home() / "work")
    held.work.mkdir(parents=True, exist_ok=True)
    os.chdir(held.work)  # what stands in the volume would keep it from being brought up to date
    signal.signal(signal.SIGUSR1, _cancel)
    ended: int | None = -1  # by an error, until it has ended in order
    try:
        with ExitStack() as stack:

            def tell(served: Served) -> None:
                address = stack.enter_context(forward(served.port)).rstrip("/") + served.path
                announce(root, session, volume, address=address, is_edited=copy.is_edited)

            # a container has no neighbours; the tunnel comes from outside of it
            where = partial(serve, ip="0.0.0.0", port=port, root=root, opens_browser=False)
            ended = where(copy.file, tell, token=token, kernels_in=held.work, is_over=held.is_over)
    finally:
        _close(held, session, is_hurried=ended is not None)
    why = held.why or ("the server was shut down" if ended is None else "the container has to go")
    print(f"the session has ended: {why}", flush=True)  # noqa: T201
    if ended is not None:
        raise KeyboardInterrupt
    return why


def _cancel(number: int, frame: FrameType | None) -> None:
    """Ends the server in order where Modal cancels the call: what a handler raises, an event loop may swallow."""
    del frame
    signal.signal(number, signal.SIG_IGN)
    if not callable(signal.getsignal(signal.SIGTERM)):  # no server listens yet, or any more
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGTERM)


def _close(held: Session, session: str, *, is_hurried: bool) -> None:
    """Commits what is there, lets trainings save, and commits that too: a container that is told to go is soon killed.

    Args:
        held: The session.
        session: Under which name it was announced.
        is_hurried: Whether it has to be quick.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # it is ending already
    withdraw(held.root, session)
    held.commit()
    if _end_trainings(held.root, HURRY if is_hurried else GRACE):
        held.commit()


def _show_package_to_kernels() -> None:
    """Makes ``import nsm`` work wherever a kernel stands."""
    home = str(Path(nsm.__file__).resolve().parents[1])
    others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join([home, *(path for path in others if path and path != home)])


def trainings(root: Path) -> list[Run]:
    """The runs that are being trained, or prepared, on this machine."""
    prepared = [Run(log.parent) for log in root.glob("*/runs/.background/*/train.log") if is_locked(log)]
    return [run for run in list_runs(root) if is_held(run) is True] + prepared


def _end_trainings(root: Path, seconds: float) -> bool:
    """Asks trainings in the background to save and stop, and waits for them; whether there were any."""
    end, are_any = time.monotonic() + seconds, False
    while running := trainings(root):
        are_any = True
        for run in running:
            run.stop.touch()
        if time.monotonic() >= end:
            break
        time.sleep(0.5)
    return are_any


def _copy_new(source: Path, target: Path) -> None:
    """Copies the files that are new or have changed; none is taken away."""
    for path in sorted(source.rglob("*")):
        copy, parts = target / path.relative_to(source), path.relative_to(source).parts
        if not path.is_file() or any(part.startswith(".") for part in parts):
            continue
        if not copy.exists() or copy.stat().st_mtime_ns != path.stat().st_mtime_ns:
            copy.parent.mkdir(parents=True, exist_ok=True)
            temporary = copy.with_name(f".{copy.name}.copy")
            shutil.copy2(path, temporary)
            temporary.replace(copy)
