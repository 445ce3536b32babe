"""Where runs and data are kept: permissions, room, locks, and what processes that died have left."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from nsm.diagnosis.check import Finding, note, ok, problem
from nsm.runs import is_locked

__all__ = ["disk", "leftovers", "locking", "nearest", "temporary", "writable"]

MIB = 2**20
LITTLE_DISK, TOO_LITTLE_DISK = 2048 * MIB, 64 * MIB
FEW_ENTRIES = 1000
MANY_FILES = 20_000  # that are looked at, at most
LOCK = re.compile(r"\..*lock")
UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}")


def nearest(folder: Path) -> Path:
    """The folder itself, or the nearest above it that exists: nothing is made here."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def writable(folder: Path, named_by: str) -> Finding:
    """Whether files can be made, flushed, renamed and removed in a folder.

    Args:
        folder: The folder; where it is missing, whether it could be made.
        named_by: What the user names another one with.
    """
    place, remedy = nearest(folder), f"name another folder with {named_by}, or: chmod u+rwx"
    if not place.is_dir():
        return problem(f"{place} is a file, not a folder", f"name another folder with {named_by}")
    try:
        with tempfile.TemporaryDirectory(prefix=".nsm-doctor-", dir=place) as inner:
            first = Path(inner) / "first"
            with first.open("wb") as stream:
                stream.write(b"0" * 4096)
                stream.flush()
                os.fsync(stream.fileno())
            first.replace(Path(inner) / "second")
    except OSError as failure:
        return problem(f"{place}: {failure.strerror}", f"{remedy} {place}")
    return ok(f"{folder.absolute()} {'can be written to' if place == folder.absolute() else 'can be made'}")


def temporary() -> Finding:
    """Whether temporary files can be made."""
    try:
        return writable(Path(tempfile.gettempdir()), "$TMPDIR")
    except FileNotFoundError as failure:
        return problem(failure.strerror or str(failure), "export TMPDIR=FOLDER, one that can be written to")


def locking(folder: Path) -> Finding:
    """Whether the disk knows locks, which keep two trainings out of one run folder."""
    remedy = "keep runs on a local disk, or never train twice in one run folder"
    try:
        with tempfile.TemporaryFile(dir=nearest(folder)) as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as failure:
        return note(f"no lock can be had below {nearest(folder)}: {failure.strerror}", remedy)
    return ok("locks are respected")


def disk(folders: list[Path]) -> Finding:
    """How much room there is, in bytes and in entries, on each disk once."""
    places = {os.stat(place).st_dev: place for place in map(nearest, reversed(folders))}
    told, worst = [], LITTLE_DISK
    for place in reversed(places.values()):
        status = os.statvfs(place)
        free = status.f_bavail * status.f_frsize
        told.append(f"{free / 2**30:.1f} GiB free at {place}")
        if status.f_files and status.f_favail < FEW_ENTRIES:
            told[-1] += f", and only {status.f_favail} more files"
            free = 0
        worst = min(worst, free)
    detail, remedy = "; ".join(told), "nsm checkpoints prune; remove data sets below ROOT/data, which are built again"
    if worst < TOO_LITTLE_DISK:
        return problem(detail, remedy)
    return note(detail, remedy) if worst < LITTLE_DISK else ok(detail)


def leftovers(root: Path) -> Finding:
    """Locks that are held, and files that processes which died have left; nothing is removed."""
    held: list[Path] = []
    stale: list[Path] = []
    for file in _hidden_files(root):
        if UNFINISHED.fullmatch(file.name):
            stale.append(file)
        elif LOCK.fullmatch(file.name):
            (held if is_locked(file) else stale).append(file)
    told = [f"in use by a process: {', '.join(str(lock.parent) for lock in held)}"] if held else []
    if not stale:
        return ok("; ".join(told) or "no locks, nothing half written")
    shown = " ".join(f"'{file}'" for file in stale[:5]) + (f" and {len(stale) - 5} more" if len(stale) > 5 else "")
    told.append(f"left by processes that died: {len(stale)} files")
    return note("; ".join(told), f"they hinder nothing; where no training is under way: rm {shown}")


def _hidden_files(root: Path) -> Iterator[Path]:
    files = (Path(folder) / name for folder, _, names in os.walk(root) for name in sorted(names))
    return (file for file in islice(files, MANY_FILES) if file.name.startswith("."))
