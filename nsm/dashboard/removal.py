"""Checkpoints and runs deleted, after a confirmation."""

from __future__ import annotations

import shutil
from pathlib import Path

from nsm.errors import RunError
from nsm.runs import Run, require_free

__all__ = ["delete", "measure"]


def delete(path: Path | str | Run, *, confirm: bool = False) -> str:
    """Deletes a checkpoint, or a run with everything in it; without ``confirm`` it only says what that would be.

    Args:
        path: A checkpoint's file, a run, or its folder.
        confirm: Whether it is really meant.

    Returns:
        What was deleted, or would be.

    Raises:
        RunError: If it is neither of the two, or is being trained.
    """
    told, place = measure(path), _place(path)
    if not confirm:
        return f"would delete {told}; confirm=True deletes it"
    is_needed = place.name == "last.pt"
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    return f"deleted {told}" + ("; the run cannot go on from where it stood" if is_needed else "")


def measure(path: Path | str | Run) -> str:
    """A checkpoint, or a run, that may be deleted, with the number of its files and their size.

    Raises:
        RunError: If it is neither of the two, or is being trained.
    """
    place = _place(path)
    is_run = (place / "config.toml").is_file()
    if not (is_run or (place.is_file() and place.suffix == ".pt")):
        raise RunError("expected a checkpoint (.pt) or the folder of a run", file=place)
    folder = place if is_run else place.parent
    if (folder / "config.toml").is_file():
        require_free(Run(folder))
    files = [file for file in place.rglob("*") if file.is_file()] if is_run else [place]
    count = f"{len(files)} file{'s' if len(files) != 1 else ''}"
    return f"{place}: {count}, {sum(file.stat().st_size for file in files) / 2**20:.1f} MiB"


def _place(path: Path | str | Run) -> Path:
    return path.folder if isinstance(path, Run) else Path(path)
