"""The notebook that NSM brings, and the user's copy of it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import nsm
from nsm.errors import RunError
from nsm.runs import ensure_writable, replacing

__all__ = ["NAME", "Copy", "copy_notebook", "delivered_notebook"]

NAME = "NSM_Training_Dashboard.ipynb"


@dataclass(frozen=True)
class Copy:
    """The user's copy of the notebook.

    Attributes:
        file: Where it is.
        is_new: Whether it was made just now.
        is_edited: Whether its cells differ from those that this release of NSM brings.
    """

    file: Path
    is_new: bool
    is_edited: bool


def delivered_notebook() -> Path:
    """The notebook of this installation: in the clone's ``experiments``, else where pip has put it.

    Raises:
        RunError: If it is in neither place.
    """
    in_clone = Path(nsm.__file__).parents[1] / "experiments" / NAME
    if in_clone.is_file():
        return in_clone
    with suppress(metadata.PackageNotFoundError):
        for file in metadata.files("nsm") or ():
            if file.name == NAME and (found := Path(str(file.locate()))).is_file():
                return found.resolve()
    raise RunError(f"this installation of NSM has no {NAME}", file=in_clone, hint="install NSM again")


def copy_notebook(folder: Path, *, is_fresh: bool = False) -> Copy:
    """Puts a copy of the notebook into a folder, and leaves alone what is there.

    In the folder of the delivered notebook itself the user's copy is ``_2``, so that the original stays as it is.

    Args:
        folder: Where the user works.
        is_fresh: Whether to make another copy, under the next free name, where there is one already.

    Raises:
        RunError: If nothing can be written there, or a folder has the notebook's name.
    """
    source, target = delivered_notebook(), folder / NAME
    if target.is_dir():
        raise RunError("expected a notebook, came a folder", file=target, hint="rename it, or name another folder")
    number = 1
    while target.exists() and (is_fresh or target.samefile(source)):
        number += 1
        target = folder / f"{Path(NAME).stem}_{number}.ipynb"
    if target.exists():
        return Copy(target, is_new=False, is_edited=_sources(target) != _sources(source))
    ensure_writable(folder, named_by="nsm notebook FOLDER")
    with replacing(target) as temporary:
        temporary.write_bytes(source.read_bytes())
    return Copy(target, is_new=True, is_edited=False)


def _sources(notebook: Path) -> list[tuple[str, str]]:
    """Kind and text of each cell; what the cells have put out does not count."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (OSError, ValueError, KeyError, TypeError):
        return []
