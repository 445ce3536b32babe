"""Texts without what tells of the machine: absolute paths are cut to their last part, logins are masked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["Redaction"]

LOGIN = re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")
"""User and password in an address."""
ABSOLUTE = re.compile(r"(?<![\w.:/<])(?:/[\w.+@~-]+){2,}/?")
"""A path from the root of the file system, at least two folders deep."""
PICTURE = re.compile(r"(data:[\w/+.-]+;base64,[\w+/=]+)")
"""A picture inside a page: its letters may look like a path."""


class Redaction:
    """Cleans texts and plain values.

    Args:
        paths: Absolute paths that are known to occur, also such as no rule would find, with spaces in them.

    Example:
        >>> clean = Redaction(["/home/Ada L./runs"])
        >>> clean.text("in /home/Ada L./runs/a/best.pt, from postgresql://ada:secret@db/x, see /srv/nsm/cache")
        'in best.pt, from postgresql://***@db/x, see cache'
    """

    def __init__(self, paths: Iterable[str] = ()) -> None:
        known = {str(path).rstrip("/") for path in [*paths, Path.home()] if str(path).startswith("/")} - {""}
        ordered = sorted(known, key=lambda path: (-len(path), path))
        self._known = re.compile("(?:" + "|".join(map(re.escape, ordered)) + r""")(?:/[^\\\s"'<>,;:()]*)?""")

    def text(self, text: str) -> str:
        """The text without paths and logins; pictures inside a page stay as they are."""
        parts = PICTURE.split(text)
        return "".join(part if number % 2 else self._clean(part) for number, part in enumerate(parts))

    def plain(self, value: Any) -> Any:
        """Plain values with every text in them cleaned."""
        if isinstance(value, Mapping):
            return {key: self.plain(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(part) for part in value]
        return self.text(value) if isinstance(value, str) else value

    def _clean(self, text: str) -> str:
        return ABSOLUTE.sub(_last, self._known.sub(_last, LOGIN.sub("***", text)))


def _last(found: re.Match[str]) -> str:
    """The last part of a path."""
    return found[0].rstrip("/").rpartition("/")[2]
