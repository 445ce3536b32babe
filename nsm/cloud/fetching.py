"""Brings results home: from the cloud's storage into the local root, checked, and never half."""

from __future__ import annotations

import io
import os
import shutil
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nsm.cloud.checksums import read_sums
from nsm.cloud.choosing import choose, is_best_of_domain, run_of
from nsm.cloud.fetch_record import FetchRecord, Look, look
from nsm.cloud.promotion import promote_fetched
from nsm.cloud.replacement import Plan, make_plan, remove_strays, require_places
from nsm.cloud.storage import RemoteFile, Storage
from nsm.cloud.verification import damage_of, damage_of_data
from nsm.errors import CheckpointError, DataError, RunError
from nsm.runs import Run, ensure_writable, exclusive, is_held, locked, require_free

__all__ = ["Fetched", "Progress", "fetch"]

TRIES = 3
AT_ONCE = 8  # files; the way to the storage is long, and most of them are small
HIDDEN = ".fetch"


@dataclass
class Fetched:
    """What was brought.

    Attributes:
        root: Where to.
        files: How many files were brought.
        bytes: Their size.
        skipped: Files that were here already, as they are there.
        runs: The folders of the runs among it.
        kept: Runs and files that stay as they are here, since they were changed or are better here.
        seconds: How long it took.
    """

    root: Path
    files: int = 0
    bytes: int = 0
    skipped: int = 0
    runs: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
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


def fetch(
    storage: Storage,
    root: Path,
    target: str | None = None,
    *,
    with_data: bool = True,
    force: bool = False,
    progress: Progress | None = None,
) -> Fetched:
    """Brings results into a root, each file as a whole or not at all, and verified first.

    A file that is here with the same size and time is left alone, so that a fetch which was interrupted goes on. What
    was made or changed here is never overwritten, and of two best models of a domain the better one stays.

    Args:
        storage: Where from.
        root: Where to.
        target: See :func:`nsm.cloud.choosing.choose`.
        with_data: Whether the data sets of the runs come too, so that they can be evaluated here.
        force: Whether runs are replaced that were made or changed here.
        progress: Told how many bytes come, and of each piece.

    Raises:
        RunError: If there is no such thing, or a run here is being trained, is another one, or was changed here.
        CheckpointError: If a checkpoint comes damaged again and again.
        DataError: If another file or a data set does.
    """
    began = time.perf_counter()
    known = {file.path: file for file in storage.files("")}
    wanted = choose(known.values(), target)
    ensure_writable(root)
    require_places(wanted, root)
    with locked(root / HIDDEN):
        shutil.rmtree(root / HIDDEN, ignore_errors=True)  # of a fetch that was killed
        try:
            fetching = _Fetching(storage, root, known, FetchRecord(root), progress or Progress(), Fetched(root))
            fetching.bring(wanted, with_data=with_data, force=force)
        finally:
            shutil.rmtree(root / HIDDEN, ignore_errors=True)
    fetching.done.seconds = round(time.perf_counter() - began, 3)
    return fetching.done


@dataclass
class _Fetching:
    """A fetch under way."""

    storage: Storage
    root: Path
    known: Mapping[str, RemoteFile]
    record: FetchRecord
    progress: Progress
    done: Fetched

    def bring(self, wanted: Sequence[RemoteFile], *, with_data: bool, force: bool) -> None:
        """Brings files, and the data sets of the runs among them."""
        runs = sorted({run for file in wanted if (run := run_of(file.path))})
        _require_untrained(self.root, runs)
        sets = self._data_of(runs) if with_data else {}
        audits = [file for name in sets if (file := self.known.get(f"data/{name}.audit.json")) is not None]
        plan = make_plan(self.storage, (*wanted, *audits), self.root, self.record, force=force)
        sums = read_sums(self.storage, self.known, sorted({run for file in plan.bring if (run := run_of(file.path))}))
        self.done.skipped, self.done.kept = plan.skipped, plan.kept
        sets = {name: part for name, part in sets.items() if not _is_whole(self.root / "data" / name)}
        self.progress.start(sum(file.size for part in (plan.bring, *sets.values()) for file in part))
        self._bring_files(plan, sums)
        for name, part in sets.items():
            self._bring_data(name, part)
        for run in plan.replaced:
            with exclusive(Run(self.root / run)):
                remove_strays(Run(self.root / run), [self.root / file.path for file in wanted])
        self.done.runs = [str(self.root / run) for run in runs]

    def _bring_files(self, plan: Plan, sums: Mapping[str, str]) -> None:
        """Brings files, several at a time, beside their places; each takes its place as soon as it is verified."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            coming = [pool.submit(self._download, file, sums.get(file.path)) for file in plan.bring]
            try:
                for future in as_completed(coming):
                    file = future.result()
                    self._place(file, plan.looks[file.path])
                    self.done.files, self.done.bytes = self.done.files + 1, self.done.bytes + file.size
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _place(self, file: RemoteFile, before: Look | None) -> None:
        """Puts a file that has come in its place, while nothing trains there.

        Raises:
            RunError: If something trains there, or has changed the place since it was looked at.
        """
        temporary, place, run = self.root / HIDDEN / file.path, self.root / file.path, run_of(file.path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if is_best_of_domain(file.path):
            if not promote_fetched(temporary, place, is_ours=not self.record.is_untouched(file.path)):
                self.done.kept.append(file.path)
        else:
            with nullcontext() if run is None else exclusive(Run(self.root / run)):
                if look(place) != before:
                    raise RunError("it was changed while it was fetched", file=place, hint="fetch again")
                temporary.replace(place)
        self.record.note(file)

    def _download(self, file: RemoteFile, checksum: str | None = None) -> RemoteFile:
        """Brings a file until it is whole; gives it as it came, since a training may have written it anew meanwhile.

        Raises:
            CheckpointError: If it is a checkpoint and is not whole after some tries.
            DataError: If it is another file.
        """
        temporary = self.root / HIDDEN / file.path
        temporary.parent.mkdir(parents=True, exist_ok=True)
        why: str | None = None
        for _ in range(TRIES):
            with temporary.open("wb") as stream:
                self.storage.read(file.path, stream, self.progress.advance)
                stream.flush()
                os.fsync(stream.fileno())
            why = damage_of(temporary, file, checksum)
            if why is None:
                os.utime(temporary, (file.modified, file.modified))
                return file
            self.progress.retry(file.path, why)
            for now in self.storage.files(file.path):
                checksum = checksum if now == file else None
                file = now
        kind = CheckpointError if file.path.endswith(".pt") else DataError
        hint = "nothing was put in its place; fetch again"
        raise kind(f"it came damaged {TRIES} times: {why}", file=file.path, hint=hint)

    def _data_of(self, runs: Iterable[str]) -> dict[str, list[RemoteFile]]:
        """The data sets that some runs were trained on, by name, as far as the storage has them."""
        named: set[str] = set()
        for run in runs:
            if f"{run}/config.toml" in self.known:
                content = io.BytesIO()
                self.storage.read(f"{run}/config.toml", content)
                named.add(_dataset_in(content.getvalue(), f"{run}/config.toml"))
        inside = {name: f"data/{name}/" for name in sorted(named)}
        sets = {
            name: [file for path, file in self.known.items() if path.startswith(start)]
            for name, start in inside.items()
        }
        return {name: part for name, part in sets.items() if part}

    def _bring_data(self, name: str, files: Sequence[RemoteFile]) -> None:
        """Brings a data set as a whole: opened, which compares the hash of every file, and then put in its place.

        Raises:
            DataError: If it is damaged.
        """
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for future in [pool.submit(self._download, file) for file in files]:
                future.result()
        came, place = self.root / HIDDEN / "data" / name, self.root / "data" / name
        if why := damage_of_data(came):
            raise DataError(f"the data set came damaged: {why}", file=f"data/{name}")
        place.parent.mkdir(exist_ok=True)
        if place.exists():  # damaged: whoever has it open keeps it until then
            place.rename(came.with_name(f"{name}.damaged"))
        came.rename(place)
        self.done.files, self.done.bytes = self.done.files + len(files), self.done.bytes + sum(f.size for f in files)


def _dataset_in(config: bytes, file: str) -> str:
    """The name of the data set in a run's configuration.

    Raises:
        DataError: If the configuration cannot be read.
    """
    try:
        return str(tomllib.loads(config.decode()).get("provenance", {}).get("dataset"))
    except ValueError as failure:
        raise DataError(
            f"the run's configuration cannot be read: {failure}", file=file, hint="fetch again"
        ) from failure


def _is_whole(folder: Path) -> bool:
    return folder.is_dir() and damage_of_data(folder) is None


def _require_untrained(root: Path, runs: Iterable[str]) -> None:
    for path in runs:
        run = Run(root / path)
        if is_held(run) is True:
            require_free(run)  # raises, naming who trains
