"""A place on the page, or in a terminal, whose content is replaced without flicker."""

from __future__ import annotations

import base64
import struct
from typing import Any

from rich.console import Console

from nsm.dashboard.extra import is_notebook, notebook_module

__all__ = ["Frame"]


class Frame:
    """A line of text and a picture below it.

    In a notebook both are outputs of the cell that made them, replaced in place: a picture of fixed size and plain
    HTML, so that they are still there when the notebook is saved and opened again. Elsewhere the text is printed
    whenever it ``is_due``, and there is no picture.

    Args:
        console: Where text is printed outside of a notebook; standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.shows_pictures = is_notebook()
        self._console = console or Console(stderr=True)
        self._text: Any = None
        self._picture: Any = None
        self._last = ""

    def write(self, html: str, text: str, *, is_due: bool = True) -> None:
        """Shows a line: as HTML where the page can, as text elsewhere.

        Args:
            html: The line for a notebook.
            text: The same for a terminal.
            is_due: Whether it is worth a line of its own where nothing can be replaced.
        """
        if self.shows_pictures:
            self._text = _put(self._text, {"text/html": html, "text/plain": text}, {})
        elif is_due and text != self._last:
            self._last = text
            self._console.print(text, highlight=False, soft_wrap=True, markup=False)

    def draw(self, png: bytes, about: str) -> None:
        """Shows a picture, half as wide as it has pixels where it is meant for fine screens.

        Args:
            png: The picture.
            about: What it shows, for those who cannot see it.
        """
        if self.shows_pictures:
            if self._text is None:  # the line has its place above
                self.write("", "")
            width, height = struct.unpack(">II", png[16:24])
            content = {"image/png": base64.b64encode(png).decode(), "text/plain": about}
            self._picture = _put(
                self._picture, content, {"image/png": {"width": width, "height": height, "alt": about}}
            )


def _put(handle: Any, content: dict[str, str], metadata: dict[str, Any]) -> Any:
    """Replaces what a display handle shows; makes one where there is none yet."""
    if handle is None:
        display = notebook_module("IPython.display").display
        return display(content, metadata=metadata, raw=True, display_id=True)
    handle.update(content, metadata=metadata, raw=True)
    return handle
