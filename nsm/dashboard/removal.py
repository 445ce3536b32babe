"""Checkpoints and runs deleted, after a confirmation."""

from __future__ import annotations

import shutil
from pathlib import Path

from nsm.errors import RunError
from nsm.runs import Run, require_free

__all__ = ["delete"]


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
    place = path.folder if isinstance(path, Run) else Path(path)
    is_run = (place / "config.toml").is_file()
    if not (is_run or (place.is_file() and place.suffix == ".pt")):
        raise RunError("expected a checkpoint (.pt) or the folder of a run", file=place)
    folder = place if is_run else place.parent
    if (folder / "config.toml").is_file():
        require_free(Run(folder))
    files = [file for file in place.rglob("*") if file.is_file()] if is_run else [place]
    told = f"{place}: {len(files)} files, {sum(file.stat().st_size for file in files) / 2**20:.1f} MiB"
    if not confirm:
        return f"would delete {told}; confirm=True deletes it"
    if is_run:
        shutil.rmtree(place)
    else:
        place.unlink()
    is_needed = not is_run and place.name == "last.pt"
    return f"deleted {told}" + ("; the run cannot go on from where it stood" if is_needed else "")
