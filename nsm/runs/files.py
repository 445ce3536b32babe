"""Files that are never half written, and locks between processes."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["locked", "remove_leftovers", "replacing", "write_json", "write_text"]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path to write to; on success it is flushed and takes the place of ``path``.

    Whoever reads ``path`` sees the old content or the new one, never a part. On an error the old one stays.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Removes what :func:`replacing` began to write in a folder and a process that died did not finish."""
    for path in folder.glob(".*." + 8 * "[0-9a-f]"):
        if path.is_file():
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Writes a text file as a whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Writes a JSON file as a whole or not at all."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Holds the lock of a file or folder while the block runs; the lock of a process that died holds nobody up.

    Args:
        path: What is locked. Its lock is a file beside it, which goes when the block ends.
        on_wait: Called if another process holds the lock, before it is waited for.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if on_wait is not None:
            on_wait()
        lock.acquire()
    try:
        yield
    finally:
        # Removed while it is held: whoever waits for it then gets a lock on a file without a name, which
        # filelock notices and begins again. Removed later, it could be the lock of somebody else.
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
