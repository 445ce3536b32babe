"""What makes a container of a process: namespaces, an overlay of this machine's files, and signals to the right one."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ARGUMENTS = "/__modal/arguments.bin"


@dataclass(frozen=True)
class Bind:
    """A folder of this machine and where the container sees it."""

    source: Path
    target: str
    is_read_only: bool = False


def parent_death(signal_name: str) -> list[str]:
    """A command's prefix: it gets the signal when the process that starts it dies."""
    return ["setpriv", "--pdeathsig", signal_name, "--"] if shutil.which("setpriv") else []


def script(base: Path, python: str, binds: list[Bind], hidden: tuple[Path, ...]) -> str:
    """The commands of a container's first process.

    ``base/sent`` is laid over this machine's files; writes go to memory. The interpreter is not the first process,
    since that one would ignore signals which it does not handle.
    """
    upper, root = base / "upper", base / "root"
    lines = [
        "set -e",
        f"mount -t tmpfs tmpfs {upper}",
        f"mkdir {upper}/files {upper}/work",
        f"cp -a {base}/sent/. {upper}/files/",
        f"mount -t overlay overlay -o lowerdir=/,upperdir={upper}/files,workdir={upper}/work {root}",
        *(f"mount --rbind /{name} {root}/{name}" for name in ("dev", "sys")),
        f"mount -t proc proc {root}/proc",
        *(line for path in _elsewhere() for line in _bound(root, Bind(path, str(path)))),
        *(_cover(root, path) for path in hidden),
        *(line for bind in binds for line in _bound(root, bind)),
        f"chroot {root} /bin/sh -c 'cd /root && exec {shlex.quote(python)} -m modal._container_entrypoint'",
        "exit $?",
    ]
    return "\n".join(lines)


def _elsewhere() -> list[Path]:
    """Where the interpreter lies, if that is on other disks than ``/`` (which is all that the overlay shows)."""
    places = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    return sorted(place for place in places if place.stat().st_dev != Path("/").stat().st_dev)


def _cover(root: Path, path: Path) -> str:
    place = shlex.quote(f"{root}{path}")
    cover = f"mount -t tmpfs -o size=64k tmpfs {place}" if path.is_dir() else f"mount --bind /dev/null {place}"
    return f"[ ! -e {place} ] || {cover}"


def _bound(root: Path, bind: Bind) -> Iterator[str]:
    target = shlex.quote(f"{root}{bind.target}")
    yield f"mkdir -p {target}"
    yield f"mount --bind {shlex.quote(str(bind.source))} {target}"
    if bind.is_read_only:
        yield f"mount -o remount,bind,ro {target}"


def command(base: Path, python: str, binds: list[Bind], hidden: tuple[Path, ...]) -> list[str]:
    """What starts a container; it ends with the container, and the container with it."""
    for name in ("upper", "root"):
        (base / name).mkdir(exist_ok=True)
    isolated = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--"]
    return [*parent_death("KILL"), *isolated, "/bin/sh", "-c", script(base, python, binds, hidden)]


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def send(outermost: int, number: int) -> bool:
    """Sends a signal to the interpreter of a container (with whose end all its processes end).

    Returns:
        Whether there was one to send it to; SIGKILL goes to the first process where there is none yet.
    """
    is_sent = False
    for first in _children(outermost):
        for target in _children(first) or [first] * (number == signal.SIGKILL):
            try:
                os.kill(target, number)
            except ProcessLookupError:
                continue
            is_sent = True
    return is_sent


def _members(outermost: int) -> Iterator[Path]:
    """The processes of a container, as folders below ``/proc``."""
    first = next(iter(_children(outermost)), None)
    if first is None:
        return
    space = os.readlink(f"/proc/{first}/ns/pid")
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "ns" / "pid") == space:
                yield entry
        except OSError:
            continue  # it has ended meanwhile


def in_use(outermost: int, folder: Path) -> list[str]:
    """The files and folders below ``folder`` that processes of the container hold open, map or work in."""
    known = {_identity(path): path for path in [folder, *folder.rglob("*")]}
    found: set[str] = set()
    for member in _members(outermost):
        try:
            links = [member / "cwd", *(member / "fd").iterdir(), *(member / "map_files").iterdir()]
        except OSError:
            continue
        for link in links:
            path = known.get(_identity(link))
            if path is not None:
                found.add(str(path.relative_to(folder)))
    return sorted(found)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_dev, told.st_ino
