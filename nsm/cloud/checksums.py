"""The SHA-256 of a run's files that hold no checksum of their own: written beside each commit, compared by a fetch."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from nsm.cloud.storage import RemoteFile, Storage
from nsm.data.writing import file_hash
from nsm.runs import EPOCH_FILE, Run, write_text

__all__ = ["read_sums", "sums_file", "write_sums"]

CHECKPOINTS = frozenset({"last.pt", "best_model.pt"})


def sums_file(run: str) -> str:
    """Where the sums of a run, ``causal/runs/night``, lie in a root: ``launches/night/causal.sha256``."""
    path = PurePosixPath(run)
    return f"launches/{path.name}/{path.parts[0]}.sha256"


def write_sums(root: Path, run: Run) -> None:
    """Writes the sums of the files of a run as they are now, as ``sha256sum`` does, with paths below the root.

    To be called before a commit; a run that is not there yet has none.
    """
    name = run.folder.relative_to(root).as_posix()
    files = [
        path for path in sorted(run.folder.rglob("*")) if path.is_file() and _needs_sum(path.relative_to(run.folder))
    ]
    if files:
        place = root / sums_file(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        write_text(place, "".join(f"{file_hash(path)}  {path.relative_to(root).as_posix()}\n" for path in files))


def _needs_sum(path: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.parts)
    if path.parts[0] == "tb":  # TensorBoard appends when it likes, and its records hold checksums
        return False
    return not (is_hidden or path.name in CHECKPOINTS or EPOCH_FILE.fullmatch(path.name) or path.name == "stop")


def read_sums(storage: Storage, files: Mapping[str, RemoteFile], runs: Iterable[str]) -> dict[str, str]:
    """The sums of the files of some runs, as far as the storage has them.

    A file that was written after its sum has none that counts: it is of a training under way.

    Args:
        storage: Where the runs are.
        files: All that it has, by path.
        runs: The runs, as ``causal/runs/night``.
    """
    found: dict[str, str] = {}
    for run in runs:
        told = files.get(sums_file(run))
        if told is None:
            continue
        content = io.BytesIO()
        storage.read(told.path, content)
        for line in content.getvalue().decode(errors="replace").splitlines():
            sum_, _, path = line.partition("  ")
            if path in files and files[path].modified <= told.modified:
                found[path] = sum_
    return found
