"""Which files of the cloud's storage belong to what a user asks for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from nsm.cloud.storage import RemoteFile
from nsm.errors import RunError

__all__ = ["choose", "is_best_of_domain", "run_of"]

DOMAINS = ("planning", "causal", "kg", "own")
NOT_FETCHED = frozenset({".lock", "stop"})
"""Files of a run that are about a process of the machine that trains it."""


def choose(files: Iterable[RemoteFile], target: str | None) -> list[RemoteFile]:
    """The files that belong to a domain, to the runs of a name, or to anything.

    Args:
        files: All that the storage has.
        target: ``causal``; a run's name, or ``causal/runs/NAME``; everything by default.

    Raises:
        RunError: If there is no such thing, naming what there is.
    """
    results = [file for file in files if _is_result(PurePosixPath(file.path))]
    name = (target or "").strip("/")
    if name in ("", *DOMAINS):
        wanted = [file for file in results if not name or file.path.startswith(f"{name}/")]
    else:
        wanted = [file for file in results if name in (_name_of_run(file.path), run_of(file.path))]
    if not wanted:
        runs = sorted({run for file in results if (run := _name_of_run(file.path))})
        domains = sorted({PurePosixPath(file.path).parts[0] for file in results})
        there = f"there are {', '.join(domains)}" if results else "it is empty"
        hint = f"{there}; the latest runs: {', '.join(runs[-5:])}" if runs else there
        raise RunError(f"the volume has nothing called {name or 'a result'!r}", hint=hint)
    return wanted


def _is_result(path: PurePosixPath) -> bool:
    is_hidden = any(part.startswith(".") for part in path.parts)
    return path.parts[0] in DOMAINS and path.name not in NOT_FETCHED and not is_hidden


def run_of(path: str) -> str | None:
    """The folder of the run that a file belongs to, ``causal/runs/night``; None for a file of no run."""
    parts = PurePosixPath(path).parts
    return "/".join(parts[:3]) if len(parts) > 3 and parts[1] == "runs" else None


def _name_of_run(path: str) -> str | None:
    run = run_of(path)
    return None if run is None else PurePosixPath(run).name


def is_best_of_domain(path: str) -> bool:
    """Whether a file is the best model of a domain, or of a data set of it: a place that many runs compete for."""
    return PurePosixPath(path).name == "best_model.pt" and run_of(path) is None
