"""Everything that is looked at, in the order in which it is told."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from nsm.diagnosis import accelerator, machine, storage, versions
from nsm.diagnosis.check import Check, Probe, examine
from nsm.runs import resolve_root

__all__ = ["diagnose", "probes"]


def diagnose(root: Path | None = None) -> list[Check]:
    """Looks at everything that a training needs, and changes nothing.

    Args:
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.
    """
    with ThreadPoolExecutor(1) as pool:
        return examine(probes(resolve_root(root), pool.submit(accelerator.report_of_torch)))


def probes(root: Path, report: Future[accelerator.TorchReport]) -> dict[str, Probe]:
    """What is looked at, by name.

    Args:
        root: Where runs are kept.
        report: What torch says, when it has said it.
    """
    cache = root / "data"
    return {
        "python": versions.python,
        "packages": versions.packages,
        "driver": accelerator.driver,
        "torch": partial(accelerator.torch, report),
        "cuda": partial(accelerator.cuda, report),
        "precision": partial(accelerator.precision, report),
        "gpu memory": partial(accelerator.gpu_memory, report),
        "memory": machine.memory,
        "threads": machine.threads,
        "shared memory": machine.shared_memory,
        "limits": machine.limits,
        "signals": machine.signals,
        "root": partial(storage.writable, root, "--root or $NSM_ROOT"),
        "cache": partial(storage.writable, cache, "--set cache=FOLDER"),
        "temporary files": storage.temporary,
        "disk": partial(storage.disk, [root, cache]),
        "locking": partial(storage.locking, root),
        "leftovers": partial(storage.leftovers, root),
        **{f"extra {name}": partial(versions.extra, name) for name in versions.EXTRAS},
    }
