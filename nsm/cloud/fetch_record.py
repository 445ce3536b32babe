"""What has been fetched into a root, so that a later fetch tells it from what was made or changed there."""

from __future__ import annotations

import json
from pathlib import Path

from nsm.cloud.storage import RemoteFile

__all__ = ["FetchRecord", "Look", "is_here", "look"]

NAME = ".fetched.jsonl"

Look = tuple[int, int]
"""Size and time of a file, by which a change is noticed."""


def look(path: Path) -> Look | None:
    """Size, and time in nanoseconds, of a file; None where there is none."""
    if not path.is_file():
        return None
    told = path.stat()
    return told.st_size, told.st_mtime_ns


def is_here(file: RemoteFile, path: Path) -> bool:
    """Whether a file is here as it is there."""
    found = look(path)
    return found is not None and (found[0], found[1] // 10**9) == (file.size, file.modified)


class FetchRecord:
    """The files that came, with size and time, one line each; only ever appended to, by whoever holds the root's lock.

    Args:
        root: Where they came to.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._file = root, root / NAME
        self._known: dict[str, Look] = {}
        for line in self._file.read_bytes().split(b"\n") if self._file.exists() else []:
            try:
                path, size, modified = json.loads(line)
            except ValueError:  # torn: what it told of counts as not fetched
                continue
            self._known[path] = size, modified

    def knows(self, file: RemoteFile) -> bool:
        """Whether the file, as it is there now, has come before."""
        return self._known.get(file.path) == (file.size, file.modified)

    def was_fetched(self, path: str) -> bool:
        """Whether a file of that name has come before."""
        return path in self._known

    def is_untouched(self, path: str) -> bool:
        """Whether a file here is the one that came last."""
        found, known = look(self._root / path), self._known.get(path)
        return found is not None and known is not None and found == (known[0], known[1] * 10**9)

    def note(self, file: RemoteFile) -> None:
        """Remembers that a file has come."""
        self._known[file.path] = file.size, file.modified
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(f"\n{json.dumps([file.path, file.size, file.modified])}")
