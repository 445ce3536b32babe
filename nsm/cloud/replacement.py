"""Which files a fetch may bring: never over results that were made or changed here."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from nsm.cloud.choosing import is_best_of_domain, run_of
from nsm.cloud.fetch_record import FetchRecord, Look, is_here, look
from nsm.cloud.storage import RemoteFile, Storage
from nsm.errors import RunError
from nsm.runs import Run

__all__ = ["Plan", "make_plan", "remove_strays", "require_places"]


@dataclass
class Plan:
    """What a fetch does.

    Attributes:
        bring: The files that come.
        skipped: How many are here as they are there.
        kept: Runs and files that stay as they are here, since they were changed here and not there.
        replaced: Runs whose place is taken although they are others here.
        looks: How each file that comes looked here before.
    """

    bring: list[RemoteFile] = field(default_factory=list)
    skipped: int = 0
    kept: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    looks: dict[str, Look | None] = field(default_factory=dict)


def make_plan(
    storage: Storage, files: Iterable[RemoteFile], root: Path, record: FetchRecord, *, force: bool = False
) -> Plan:
    """Compares what is there with what is here.

    Args:
        storage: Where the files are.
        files: Those that are wanted.
        root: Where they come to.
        record: What came before.
        force: Whether runs are replaced that were made or changed here.

    Raises:
        RunError: If a run here is another one, or was changed here, and files of it would be replaced.
    """
    plan = Plan()
    ordered = sorted(files, key=lambda file: (run_of(file.path) or "", file.path))
    for run, part in groupby(ordered, lambda file: run_of(file.path)):
        _plan_part(storage, run, list(part), root, record, plan, force=force)
    plan.looks = {file.path: look(root / file.path) for file in plan.bring}
    return plan


def _plan_part(
    storage: Storage,
    run: str | None,
    files: Sequence[RemoteFile],
    root: Path,
    record: FetchRecord,
    plan: Plan,
    *,
    force: bool,
) -> None:
    missing = [file for file in files if not is_here(file, root / file.path)]
    plan.skipped += len(files) - len(missing)
    changed = [file for file in missing if (root / file.path).exists() and not record.is_untouched(file.path)]
    if run is None:
        best = [file for file in changed if is_best_of_domain(file.path) and not record.knows(file)]
        plan.kept += [file.path for file in changed if file not in best]
        plan.bring += [file for file in missing if file not in changed or file in best]
    elif changed and not force and all(record.knows(file) for file in missing):
        plan.kept.append(run)
    else:
        if changed and force:
            plan.replaced.append(run)
        elif changed:
            _require_same_run(storage, run, files, changed, root, record)
        plan.bring += missing


def _require_same_run(
    storage: Storage,
    run: str,
    files: Iterable[RemoteFile],
    changed: Iterable[RemoteFile],
    root: Path,
    record: FetchRecord,
) -> None:
    """Makes sure that files which came otherwise, such as by ``modal volume get``, are an earlier state of the run.

    Raises:
        RunError: If they are not, or were changed after they had come.
    """
    came = sorted(Path(file.path).name for file in changed if record.was_fetched(file.path))
    if came:
        why: str | None = f"{came[0]} was changed here since it was fetched"
    else:
        why = _difference(storage, run, {file.path for file in files}, Run(root / run))
    if why is not None:
        hint = "--force replaces it by that of the volume, --root FOLDER brings that elsewhere"
        raise RunError(f"this run would be overwritten: {why}", file=root / run, hint=hint)


def _difference(storage: Storage, run: str, there: Set[str], here: Run) -> str | None:
    """Why a run here is no earlier state of that there; None if it is."""
    pairs = {}
    for path in (here.config, here.history):
        name, content = f"{run}/{path.name}", io.BytesIO()
        if name in there:
            storage.read(name, content)
        pairs[path] = path.read_bytes() if path.exists() else b"", content.getvalue()
    ours, theirs = pairs[here.config]
    if ours != theirs:
        return "config.toml is another one here"
    ours, theirs = pairs[here.history]
    if not theirs.startswith(ours) or (not ours and here.last.exists()):
        return f"its {_count(ours)} here are not the first of the {_count(theirs)} there"
    return None


def _count(history: bytes) -> str:
    lines = history.count(b"\n")
    return f"{lines} epoch{'' if lines == 1 else 's'}"


def remove_strays(run: Run, kept: Iterable[Path]) -> None:
    """Removes the files of a replaced run that the new one does not have; its lock, and what is hidden, stay."""
    wanted = set(kept)
    for path in sorted(run.folder.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(run.folder).parts)
        if path.is_file() and not is_hidden and path not in wanted:
            path.unlink()


def require_places(files: Iterable[RemoteFile], root: Path) -> None:
    """Makes sure that folders are folders, and files are files, where something is to come.

    Raises:
        RunError: If they are not, naming what has to go.
    """
    for file in files:
        place = root / file.path
        if place.is_dir():
            raise RunError("expected a file, came a folder", file=place, hint="move it away")
        for folder in place.relative_to(root).parents:
            if (root / folder).is_file():
                hint = "delete it; a `modal volume get` that failed leaves such a file"
                raise RunError("expected a folder, came a file", file=root / folder, hint=hint)
