"""What a notebook computes on: versions, device, memory, and whether all is well."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import nsm
from nsm.analysis.tables import Table
from nsm.runs import resolve_root

__all__ = ["doctor", "environment", "memory"]


def environment(root: Path | str | None = None) -> Table:
    """Versions, the device that a training takes, and where runs are kept.

    Args:
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.
    """
    import torch

    home = resolve_root(None if root is None else Path(root)).absolute()
    if torch.cuda.is_available():
        size = torch.cuda.get_device_properties(0).total_memory / 2**30
        device = f"{torch.cuda.get_device_name(0)} with {size:.0f} GiB ({torch.cuda.device_count()} in all)"
    else:
        device = f"the processor ({os.cpu_count()} cores); torch finds no GPU"
    rows = [
        ("NSM", f"{nsm.__version__} in {Path(nsm.__file__).parent}"),
        ("Python", platform.python_version()),
        ("PyTorch", torch.__version__),
        ("device", device),
        ("runs", f"{home}{'' if home.exists() else ' (made by the first run)'}"),
    ]
    return Table(("what", "here"), rows, "This notebook")


def memory() -> Table:
    """How much memory this process and each GPU use, in GiB, and how much is free."""
    import psutil
    import torch

    own, machine = psutil.Process().memory_info().rss, psutil.virtual_memory()
    rows: list[tuple[Any, ...]] = [
        ("this kernel, main memory", own / 2**30, None, machine.available / 2**30, machine.total / 2**30)
    ]
    for number in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(number)
        used, peak = torch.cuda.memory_allocated(number), torch.cuda.max_memory_allocated(number)
        name = f"GPU {number}, {torch.cuda.get_device_name(number)}"
        rows.append((name, used / 2**30, peak / 2**30, free / 2**30, total / 2**30))
    formats = dict.fromkeys(("in use", "most so far", "free", "in all"), ".2f")
    return Table(("memory in GiB", *formats), rows, "Memory", formats)


def doctor(root: Path | str | None = None) -> Table:
    """What ``nsm doctor`` finds: problems first, then notes.

    Args:
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.
    """
    from nsm.diagnosis import diagnose

    checks = diagnose(None if root is None else Path(root))
    order = ("problem", "note", "ok")
    rows = [(check.status, check.name, check.detail, check.remedy) for check in checks]
    count = sum(check.status == "problem" for check in checks)
    title = "Ready to train" if not count else f"{count} to solve before training"
    return Table(("status", "what", "found", "remedy"), sorted(rows, key=lambda row: order.index(row[0])), title)
