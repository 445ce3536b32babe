"""A widget, with what stays of it once its kernel is gone: in the notebook that is opened again, and in its HTML."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from nsm.dashboard.extra import notebook_module

__all__ = ["Keepsake", "picture_html"]

VIEW = "application/vnd.jupyter.widget-view+json"
LIVE, KEPT = "nsm-live", "nsm-kept"
NEXT = "+ .jp-OutputArea-child"
STYLE = f"""<style>
.jp-OutputArea-child:has(.{LIVE}) {NEXT} .{KEPT} {{ display: none }}
.jp-OutputArea-child:has(> .jupyter-widgets):has({NEXT} .{KEPT}):not(:has(.{LIVE})) {{ display: none }}
</style>"""
"""Of the two, a page shows the widget while it lives, and what is kept where it would say that there is no widget."""


class Keepsake:
    """Shows a widget and, as an ordinary output of the same cell, what is to stay of it.

    A saved notebook names its widgets but does not hold them. So what they show is put below them once more, as plain
    HTML that is seen only where the widget is not: after a restart, in ``nbconvert --to html``, on a page that hosts
    code.

    Args:
        widget: The widget; it is marked, so that the page knows whether it lives.
    """

    def __init__(self, widget: Any) -> None:
        self.widget = widget
        widget.add_class(LIVE)
        self._html = self._text = ""
        self._handles: list[Any] = []

    def keep(self, html: str, text: str) -> None:
        """Replaces what stays, wherever the widget has been shown.

        Args:
            html: What it shows, for a page.
            text: The same in words.
        """
        self._html, self._text = html, text
        for handle in self._handles:
            handle.update(self._content, raw=True, metadata={})

    def show(self) -> None:
        """Shows both, as outputs of the cell that runs."""
        display = notebook_module("IPython.display").display
        view = {VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}}
        # a page without widgets takes the empty HTML instead of the names of the parts
        display({**view, "text/html": "", "text/plain": "buttons: run this cell"}, raw=True)
        self._handles.append(display(self._content, raw=True, metadata={}, display_id=True))

    @property
    def _content(self) -> dict[str, str]:
        return {"text/html": f'{STYLE}<div class="{KEPT}">{self._html}</div>', "text/plain": self._text}


def picture_html(png: bytes, about: str) -> str:
    """A picture as a part of a page, with what it shows in words."""
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<img src="{source}" alt="{escape(about)}" style="max-width:100%">'
