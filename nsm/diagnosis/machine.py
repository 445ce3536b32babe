"""Memory, processors, limits and signals of this process, with the container's limits where it is in one."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

from nsm.diagnosis.check import Finding, note, ok, problem

__all__ = ["limits", "memory", "shared_memory", "signals", "threads"]

GIB = 2**30
LITTLE_MEMORY, TOO_LITTLE_MEMORY = 2 * GIB, GIB // 2
LITTLE_SHARED_MEMORY = 2**26
FEW_FILES = 256

PROC = Path("/proc")
CGROUP = Path("/sys/fs/cgroup")
SHARED = Path("/dev/shm")


def memory() -> Finding:
    """What this process may still take: of the machine, and of the container."""
    lines = (PROC / "meminfo").read_text(encoding="ascii").splitlines() if (PROC / "meminfo").is_file() else []
    kilobytes = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
    if "MemAvailable" not in kilobytes:
        return note("this system does not say how much memory is free", "watch it while the first epoch trains")
    free, total = kilobytes["MemAvailable"] * 1024, kilobytes["MemTotal"] * 1024
    detail = f"{free / GIB:.1f} of {total / GIB:.1f} GiB free"
    limit = _number(CGROUP / "memory.max") or _number(CGROUP / "memory" / "memory.limit_in_bytes")
    used = _number(CGROUP / "memory.current") or _number(CGROUP / "memory" / "memory.usage_in_bytes")
    if limit is not None and used is not None and limit < total:
        free = min(free, limit - used)
        detail += f"; the container has {max(0, limit - used) / GIB:.1f} of {limit / GIB:.1f} GiB left"
    remedy = "close other programs or notebooks; smaller: --set batch_size=16 --set workers=0"
    if free < TOO_LITTLE_MEMORY:
        return problem(f"{detail}: too little for the default training", remedy)
    return note(detail, remedy) if free < LITTLE_MEMORY else ok(detail)


def threads() -> Finding:
    """Processors that this process may use, and how busy they are."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    detail = f"{allowed} of {os.cpu_count()} processors may be used"
    if quota is not None and quota < allowed:
        detail += f", for {quota:g} of them the time"
    wanted, load = os.environ.get("OMP_NUM_THREADS"), os.getloadavg()[0]
    detail += f"; OMP_NUM_THREADS {'is not set' if wanted is None else f'is {wanted}'}; load {load:.1f}"
    usable = min(allowed, quota or allowed)
    if wanted is not None and wanted.isdecimal() and int(wanted) > max(1, usable):
        return note(detail, f"more threads than processors wait for each other: export OMP_NUM_THREADS={int(usable)}")
    if load > 2 * usable:
        return note(f"{detail}, so others are at work", "training will be slow; keep --set threads=1")
    return ok(detail)


def _quota() -> float | None:
    """How many processors' time a container may use; None without a limit."""
    file = CGROUP / "cpu.max"
    words = file.read_text(encoding="ascii").split() if file.is_file() else []
    if len(words) == 2 and words[0].isdecimal():
        return int(words[0]) / int(words[1])
    return None


def _number(file: Path) -> int | None:
    """The only number of a file; None where there is no file or it says ``max``."""
    text = file.read_text(encoding="ascii").strip() if file.is_file() else ""
    return int(text) if text.isdecimal() else None


def shared_memory() -> Finding:
    """The memory that processes share, which several processes on one machine exchange gradients in."""
    if not SHARED.is_dir():
        return note(f"there is no {SHARED}", "only trainings of several processes need it")
    status = os.statvfs(SHARED)
    free = status.f_bavail * status.f_frsize
    detail = f"{free / 2**20:,.0f} MiB free in {SHARED}"
    remedy = "only trainings of several processes need more: docker run --shm-size=1g"
    if not os.access(SHARED, os.W_OK):
        return note(f"{SHARED} cannot be written to", remedy)
    return note(detail, remedy) if free < LITTLE_SHARED_MEMORY else ok(detail)


def limits() -> Finding:
    """Limits of the shell that a training runs into: open files, size of a file, address space."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    size = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    space = resource.getrlimit(resource.RLIMIT_AS)[0]
    told = [f"{'any number of' if files == resource.RLIM_INFINITY else files} open files"]
    remedies = []
    if files != resource.RLIM_INFINITY and files < FEW_FILES:
        remedies.append(f"ulimit -n {4 * FEW_FILES}")
    for limit, name, option in ((size, "a file of", "f"), (space, "an address space of", "v")):
        if limit != resource.RLIM_INFINITY:
            told.append(f"{name} {limit / 2**20:,.0f} MiB at most")
            remedies.append(f"ulimit -{option} unlimited")
    return note("; ".join(told), "; ".join(remedies)) if remedies else ok("; ".join(told))


def signals() -> Finding:
    """Whether the signals that end a training gently come through."""
    gentle = (signal.SIGINT, signal.SIGTERM)
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    blocked = [number.name for number in gentle if number in masked]
    ignored = [number.name for number in gentle if signal.getsignal(number) == signal.SIG_IGN]
    if blocked:
        return note(f"blocked in this shell: {', '.join(blocked)}", "start it from another shell, which blocks none")
    if ignored:
        remedy = "a training listens nevertheless; other commands have to be ended by kill -TERM or kill -9"
        return note(f"ignored in this shell: {', '.join(ignored)}, as after nohup or &", remedy)
    return ok("Ctrl-C and SIGTERM come through: a training saves and stops")
