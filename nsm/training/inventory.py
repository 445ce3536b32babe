"""Which checkpoints there are, what each is for, and which of them nobody needs any more."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nsm.errors import CheckpointError, RunError
from nsm.runs import EPOCH_FILE, find_run
from nsm.training.inspection import open_checkpoint

__all__ = [
    "CheckpointFile",
    "PrunePlan",
    "by_run",
    "describe_checkpoint",
    "find_checkpoints",
    "list_checkpoints",
    "locate_checkpoint",
    "plan_prune",
]

KINDS = {"best_model.pt": "best", "last.pt": "last", "ranker.pt": "ranker"}


@dataclass(frozen=True)
class CheckpointFile:
    """One checkpoint on the disk.

    Attributes:
        path: The file.
        kind: ``best``, ``last`` or ``periodic`` of a run; ``overall`` for the best of all runs on one data set;
            ``ranker`` for a link scorer's weights; ``other`` for what has a name of its own.
        run: Name of the run, where it is one's.
        size: In bytes.
        modified: When it was written, in seconds since 1970.
        epoch: Finished epochs; like the next two None for bare weights and where the file is damaged.
        val_acc: The latest validation's accuracy.
        val_loss: Its loss.
        problem: What is wrong with the file; None where nothing is.
    """

    path: Path
    kind: str
    run: str | None
    size: int
    modified: float
    epoch: int | None = None
    val_acc: float | None = None
    val_loss: float | None = None
    problem: str | None = None

    def to_json(self, now: float) -> dict[str, Any]:
        """The facts as plain values, with the age in seconds."""
        age = round(max(0.0, now - self.modified), 1)
        told = {key: value for key, value in vars(self).items() if key != "modified"}
        return {**told, "path": str(self.path), "age": age}


def find_checkpoints(folder: Path) -> list[Path]:
    """Every checkpoint in a folder and below it, by path; half-written ones do not count.

    Raises:
        RunError: If there is no such folder.
    """
    if not folder.is_dir():
        raise RunError("there is no such folder", file=folder, hint="give a run, or a root with --root")
    found = [
        os.path.join(place, name)  # thousands of paths are not cheap
        for place, _, names in os.walk(folder)
        for name in names
        if name.endswith(".pt") and not name.startswith(".")
    ]
    found = [path for path in found if os.path.isfile(path)]  # a link may lead nowhere
    return [Path(path) for path in sorted(found, key=lambda path: path.split(os.sep))]


def locate_checkpoint(name: str, root: Path) -> Path:
    """The checkpoint that a user means: a file, ``RUN/last.pt`` of a run below the root, or a run's best model.

    Raises:
        RunError: If no run is called so.
        CheckpointError: If the run has no such checkpoint.
    """
    path = Path(name)
    if path.is_file():
        return path
    is_file = path.suffix == ".pt"
    folder = find_run(path.parent if is_file else path, root).folder
    path = folder / (path.name if is_file else "best_model.pt")
    if not path.is_file():
        names = ", ".join(found.name for found in find_checkpoints(folder)) or "none"
        raise CheckpointError("there is no checkpoint here", file=path, hint=f"the run has: {names}")
    return path


def list_checkpoints(folder: Path) -> list[CheckpointFile]:
    """Every checkpoint in a folder and below it, with what it says of itself; the oldest of a run first."""
    return by_run(describe_checkpoint(path) for path in find_checkpoints(folder))


def by_run(files: Iterable[CheckpointFile]) -> list[CheckpointFile]:
    """Sorts by folder; in each the oldest comes first."""
    return sorted(files, key=lambda file: (str(file.path.parent).split(os.sep), file.modified, file.path.name))


def describe_checkpoint(path: Path, content: Mapping[str, Any] | None = None) -> CheckpointFile:
    """One checkpoint with what it says of itself.

    Args:
        path: The file.
        content: What is known of its content; the file is opened where nothing is.
    """
    stat = path.stat()
    run = path.parent.name if path.parent.parent.name == "runs" or (path.parent / "config.toml").exists() else None
    kind = _kind(path, is_run=run is not None)
    try:
        content = open_checkpoint(path) if content is None else content
    except CheckpointError as failure:
        return CheckpointFile(path, kind, run, stat.st_size, stat.st_mtime, problem=failure.message)
    told = {name: content.get(name) for name in ("epoch", "val_acc", "val_loss")}
    return CheckpointFile(path, kind, run, stat.st_size, stat.st_mtime, **told)


def _kind(path: Path, *, is_run: bool) -> str:
    if EPOCH_FILE.fullmatch(path.name):
        return "periodic"
    kind = KINDS.get(path.name, "other")
    return "overall" if kind == "best" and not is_run else kind


@dataclass(frozen=True)
class PrunePlan:
    """What a pruning removes.

    Attributes:
        removed: Files to remove.
        spared: Runs of which nothing is removed, since their last or best checkpoint cannot be read: to the folder
            the reason.
    """

    removed: Sequence[CheckpointFile]
    spared: dict[Path, str]

    @property
    def freed(self) -> int:
        """Bytes that the removed files take."""
        return sum(file.size for file in self.removed)

    def carry_out(self) -> None:
        """Removes the files."""
        for file in self.removed:
            file.path.unlink(missing_ok=True)


def plan_prune(files: Iterable[CheckpointFile], keep: int) -> PrunePlan:
    """Chooses numbered checkpoints to remove: all of a run but the ``keep`` latest. Nothing else is ever chosen.

    Args:
        files: What :func:`list_checkpoints` found.
        keep: Numbered checkpoints that each run keeps.
    """
    runs: dict[Path, list[CheckpointFile]] = defaultdict(list)
    for file in files:
        runs[file.path.parent].append(file)
    removed: list[CheckpointFile] = []
    spared: dict[Path, str] = {}
    for folder, members in runs.items():
        periodic = sorted((file for file in members if file.kind == "periodic"), key=_epoch_of)
        if excess := periodic[: len(periodic) - keep] if keep < len(periodic) else []:
            if reason := _reason_to_spare(members):
                spared[folder] = reason
            else:
                removed += excess
    return PrunePlan(removed, spared)


def _epoch_of(file: CheckpointFile) -> int:
    match = EPOCH_FILE.fullmatch(file.path.name)
    assert match is not None
    return int(match[1])


def _reason_to_spare(members: Iterable[CheckpointFile]) -> str | None:
    """Why the numbered checkpoints of a run may still be needed; None where they are not."""
    problems = {file.kind: file.problem for file in members}
    for kind, name in (("last", "last.pt"), ("best", "best_model.pt")):
        if kind not in problems:
            return f"it has no {name}"
        if problems[kind] is not None:
            return f"{name}: {problems[kind]}"
    return None
