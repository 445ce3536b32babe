"""One process per run folder: a lock that ends with the process that holds it."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nsm.errors import RunError

if TYPE_CHECKING:
    from nsm.runs.folder import Run

__all__ = ["exclusive", "holder", "is_held", "is_locked", "require_free"]

LOOK = 0.2  # seconds for which a lock may be a glance of somebody who only wants to know whether there is one


@contextmanager
def exclusive(run: Run) -> Iterator[None]:
    """Holds a run folder while the block runs; a second process, or a second training of this one, is refused.

    The system takes the lock away from a process that dies, however it dies, so what a dead process left is no
    obstacle. The lock's file tells who holds it.

    Raises:
        RunError: If another training holds the folder.
    """
    handle = _acquire(run)
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, _holder(), 0)
        yield
    finally:
        run.lock.unlink(missing_ok=True)  # while it is held, so that it is nobody else's
        os.close(handle)


def is_held(run: Run) -> bool | None:
    """Whether a process trains in a run folder now; False where one of this machine died without giving it back.

    None where the folder does not tell: nothing trains, or another machine does.
    """
    try:
        with run.lock.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            who = json.load(stream)
    except BlockingIOError:
        return True
    except (OSError, ValueError):
        return None
    return False if isinstance(who, dict) and who.get("host") == platform.node() else None


def is_locked(path: Path) -> bool:
    """Whether a living process holds a file; one that may not even be opened is somebody's."""
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return path.exists()
    return False


def holder(run: Run) -> int | None:
    """The process of this machine that trains in a run folder now; None where none does, or it has not said so yet."""
    if is_held(run) is not True:
        return None
    try:
        who = json.loads(run.lock.read_bytes())
        return int(who["process"]) if who["host"] == platform.node() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _acquire(run: Run) -> int:
    limit = time.monotonic() + LOOK
    while True:
        handle = os.open(run.lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            if time.monotonic() >= limit:
                raise _refusal(run) from None
            time.sleep(LOOK / 10)
            continue
        if os.fstat(handle).st_nlink:
            return handle
        os.close(handle)  # its holder removed it in the meantime, so this lock excludes nobody


def require_free(run: Run) -> None:
    """Makes sure that nothing trains in a run folder now.

    Raises:
        RunError: If another training holds it.
    """
    with exclusive(run):
        pass


def _holder() -> bytes:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"process": os.getpid(), "host": platform.node(), "since": now}).encode()


def _refusal(run: Run) -> RunError:
    try:
        who = json.loads(run.lock.read_bytes())
        holder = f"process {who['process']} on {who['host']}, since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # it is being written at this moment
        holder = "another process"
    hint = "wait for it, or stop it: make a file called 'stop' in the folder"
    return RunError(f"the run is being trained by {holder}", file=run.folder, hint=hint)
