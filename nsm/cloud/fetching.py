"""Brings results home: from the cloud's storage into the local root, checked, and never half."""

from __future__ import annotations

import io
import os
import shutil
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from nsm.cloud.storage import RemoteFile, Storage
from nsm.errors import CheckpointError, DataError, RunError
from nsm.runs import Run, ensure_writable, exclusive, is_held, locked

__all__ = ["Fetched", "Progress", "choose", "fetch"]

TRIES = 3
AT_ONCE = 8  # files; the way to the storage is long, and most of them are small
HIDDEN = ".fetch"
DOMAINS = ("planning", "causal", "kg", "own")
NOT_FETCHED = frozenset({".lock", "stop"})
"""Files of a run that are about a process of the machine that trains it."""

Advance = Callable[[int], object]


@dataclass
class Fetched:
    """What was brought.

    Attributes:
        root: Where to.
        files: How many files were brought.
        bytes: Their size.
        skipped: Files that were here already, as they are there.
        runs: The folders of the runs among it.
        seconds: How long it took.
    """

    root: Path
    files: int = 0
    bytes: int = 0
    skipped: int = 0
    runs: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {**vars(self), "root": str(self.root)}


class Progress:
    """Told of a fetch; does nothing by itself."""

    def start(self, total: int) -> None:
        """So many bytes will come."""

    def advance(self, count: int) -> None:
        """So many more have come."""

    def retry(self, path: str, why: str) -> None:
        """A file has to come again."""


def choose(files: Iterable[RemoteFile], target: str | None) -> list[RemoteFile]:
    """The files that belong to a domain, to the runs of a name, or to anything; the data of the runs among them.

    Args:
        files: All that the storage has.
        target: ``causal``; a run's name, or ``causal/runs/NAME``; everything by default.

    Raises:
        RunError: If there is no such thing, naming what there is.
    """
    kept = [file for file in files if _is_result(PurePosixPath(file.path))]
    parts = {file.path: PurePosixPath(file.path).parts for file in kept}
    results = [file for file in kept if parts[file.path][0] in DOMAINS]
    name = (target or "").strip("/")
    if name in ("", *DOMAINS):
        wanted = [file for file in results if not name or parts[file.path][0] == name]
    else:
        wanted = [file for file in results if _run_of(parts[file.path]) in (name, name.rpartition("/")[2])]
        wanted = [file for file in wanted if "/" not in name or file.path.startswith(f"{name}/")]
    if not wanted:
        runs = sorted({run for file in results if (run := _run_of(parts[file.path]))})
        there = (
            f"there are {', '.join(sorted({parts[file.path][0] for file in results}))}" if results else "it is empty"
        )
        hint = f"{there}; the latest runs: {', '.join(runs[-5:])}" if runs else there
        raise RunError(f"the volume has nothing called {name or 'a result'!r}", hint=hint)
    return wanted


def _is_result(path: PurePosixPath) -> bool:
    return path.name not in NOT_FETCHED and not any(part.startswith(".") for part in path.parts)


def _run_of(parts: tuple[str, ...]) -> str | None:
    return parts[2] if len(parts) > 3 and parts[1] == "runs" else None


def fetch(
    storage: Storage, root: Path, target: str | None = None, *, with_data: bool = True, progress: Progress | None = None
) -> Fetched:
    """Brings results into a root, each file as a whole or not at all; checkpoints and data sets are verified first.

    A file that is here with the same size and time is left alone, so that a fetch which was interrupted goes on.

    Args:
        storage: Where from.
        root: Where to.
        target: See :func:`choose`.
        with_data: Whether the data sets of the runs come too, so that they can be evaluated here.
        progress: Told how many bytes come, and of each piece.

    Raises:
        RunError: If there is no such thing, or a run is being trained here.
        CheckpointError: If a checkpoint comes damaged again and again.
        DataError: If a data set does.
    """
    began = time.perf_counter()
    files = storage.files("")
    wanted = choose(files, target)
    ensure_writable(root)
    done = Fetched(root)
    with locked(root / HIDDEN):
        shutil.rmtree(root / HIDDEN, ignore_errors=True)  # of a fetch that was killed
        try:
            _fetch(storage, root, files, wanted, done, progress or Progress(), with_data=with_data)
        finally:
            shutil.rmtree(root / HIDDEN, ignore_errors=True)
    done.seconds = round(time.perf_counter() - began, 3)
    return done


def _fetch(
    storage: Storage,
    root: Path,
    files: Sequence[RemoteFile],
    wanted: Sequence[RemoteFile],
    done: Fetched,
    progress: Progress,
    *,
    with_data: bool,
) -> None:
    parts = [PurePosixPath(file.path).parts for file in wanted]
    runs = sorted({"/".join(part[:3]) for part in parts if _run_of(part)})
    _require_untrained(root, runs)
    sets = _data_of(storage, files, runs) if with_data else {}
    audits = [file for file in files if file.path in {f"data/{name}.audit.json" for name in sets}]
    missing = [file for file in (*wanted, *audits) if not _is_here(file, root / file.path)]
    done.skipped = len(wanted) + len(audits) - len(missing)
    sets = {name: part for name, part in sets.items() if not (root / "data" / name).is_dir()}
    progress.start(sum(file.size for part in (missing, *sets.values()) for file in part))
    _bring_files(storage, missing, root, done, progress)
    for name, part in sets.items():
        _bring_data(storage, name, part, root, done, progress)
    done.runs = [str(root / run) for run in runs]


def _require_untrained(root: Path, runs: Iterable[str]) -> None:
    for path in runs:
        run = Run(root / path)
        if is_held(run) is True:
            with exclusive(run):  # raises, naming who trains
                pass


def _is_here(file: RemoteFile, path: Path) -> bool:
    if not path.is_file():
        return False
    known = path.stat()
    return known.st_size == file.size and int(known.st_mtime) == file.modified


def _bring_files(storage: Storage, files: Sequence[RemoteFile], root: Path, done: Fetched, progress: Progress) -> None:
    """Brings files, several at a time, beside their places; each takes its place as soon as it is verified."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        coming = {
            pool.submit(_download, storage, file, root / HIDDEN / file.path, _damage_of_checkpoint, progress): file
            for file in files
        }
        try:
            for future in as_completed(coming):
                future.result()
                _place(coming[future], root)
                done.files, done.bytes = done.files + 1, done.bytes + coming[future].size
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _place(file: RemoteFile, root: Path) -> None:
    """Puts a file that has come in its place, while nothing trains there."""
    temporary, place, parts = root / HIDDEN / file.path, root / file.path, PurePosixPath(file.path).parts
    place.parent.mkdir(parents=True, exist_ok=True)
    run = _run_of(parts)
    with nullcontext() if run is None else exclusive(Run(root / parts[0] / "runs" / run)):
        temporary.replace(place)


def _download(
    storage: Storage,
    file: RemoteFile,
    temporary: Path,
    damage: Callable[[Path], str | None],
    progress: Progress,
) -> None:
    """Brings a file until it is whole.

    Raises:
        CheckpointError: If it is not, after some tries.
    """
    temporary.parent.mkdir(parents=True, exist_ok=True)
    why: str | None = None
    for _ in range(TRIES):
        with temporary.open("wb") as stream:
            storage.read(file.path, stream, progress.advance)
            stream.flush()
            os.fsync(stream.fileno())
        why = damage(temporary)
        if why is None:
            os.utime(temporary, (file.modified, file.modified))
            return
        progress.retry(file.path, why)
    raise CheckpointError(f"it came damaged {TRIES} times: {why}", file=file.path, hint="nothing here was changed")


def _damage_of_checkpoint(path: Path) -> str | None:
    """What is wrong with a checkpoint; None for a whole one, and for any other file."""
    from nsm.training.inspection import damage

    return damage(path) if path.suffix == ".pt" and not path.name.startswith("bad_batch") else None


def _data_of(storage: Storage, files: Iterable[RemoteFile], runs: Iterable[str]) -> dict[str, list[RemoteFile]]:
    """The data sets that some runs were trained on, by name, as far as the storage has them."""
    named: set[str] = set()
    known = {file.path: file for file in files}
    for run in runs:
        if f"{run}/config.toml" in known:
            content = io.BytesIO()
            storage.read(f"{run}/config.toml", content)
            named.add(str(tomllib.loads(content.getvalue().decode()).get("provenance", {}).get("dataset")))
    sets = {name: [file for path, file in known.items() if path.startswith(f"data/{name}/")] for name in sorted(named)}
    return {name: part for name, part in sets.items() if part}


def _bring_data(
    storage: Storage, name: str, files: Sequence[RemoteFile], root: Path, done: Fetched, progress: Progress
) -> None:
    """Brings a data set as a whole: opened, which compares the hash of every file, and then put in its place.

    Raises:
        DataError: If it is damaged.
    """
    from nsm.data.packed import PackedGraphs

    with ThreadPoolExecutor(AT_ONCE) as pool:
        coming = [
            pool.submit(_download, storage, file, root / HIDDEN / file.path, lambda _: None, progress) for file in files
        ]
        for future in coming:
            future.result()
    came = root / HIDDEN / "data" / name
    try:
        PackedGraphs.open(came)
    except DataError as failure:
        raise DataError(f"the data set came damaged: {failure.message}", file=f"data/{name}") from failure
    (root / "data").mkdir(exist_ok=True)
    came.rename(root / "data" / name)
    done.files, done.bytes = done.files + len(files), done.bytes + sum(file.size for file in files)
