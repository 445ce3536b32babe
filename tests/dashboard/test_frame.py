"""A frame replaces what it shows, and prints where nothing can be replaced."""

from __future__ import annotations

import base64
import io

from rich.console import Console

from nsm.analysis.plots import new_figure, png_bytes
from nsm.dashboard.frame import Frame
from tests.dashboard.fake_notebook import FakeNotebook


def test_two_outputs_that_are_replaced(notebook: FakeNotebook) -> None:
    frame, png = Frame(), png_bytes(new_figure(height=1.0, width=2.0))
    frame.draw(png, "first")
    frame.write("<b>a</b>", "a")
    frame.write("<b>b</b>", "b", is_due=False)
    frame.draw(png, "second")
    assert len(notebook.handles) == 2
    line, picture = notebook.handles
    assert [content["text/html"] for content, _ in line.shown] == ["", "<b>a</b>", "<b>b</b>"]
    assert [content["text/plain"] for content, _ in picture.shown] == ["first", "second"]
    content, metadata = picture.shown[-1]
    assert base64.b64decode(content["image/png"]) == png
    assert metadata == {"image/png": {"width": 320, "height": 160, "alt": "second"}}


def test_lines_elsewhere() -> None:
    stream = io.StringIO()
    frame = Frame(Console(file=stream, width=40))
    assert not frame.shows_pictures
    frame.write("<b>a</b>", "a [b]")
    frame.write("<b>a</b>", "a [b]")
    frame.write("<b>x</b>", "x", is_due=False)
    frame.draw(b"", "nothing")
    assert stream.getvalue() == "a [b]\n"
