"""A run seen from outside, by its folder alone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from nsm.analysis.live import run_view
from nsm.analysis.plots import png_bytes
from nsm.analysis.run_states import RunState, read_state
from nsm.dashboard.bars import Bar, bars_html, bars_text
from nsm.dashboard.frame import Frame
from nsm.dashboard.live_view import run_at
from nsm.runs import Run

__all__ = ["follow", "show"]


def show(run: Any, *, root: Path | None = None) -> None:
    """Draws where a run stands, once.

    Args:
        run: The run, its folder, its name, or a run of the background.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.

    Raises:
        RunError: If there is no such run.
    """
    _put(Frame(), read_state(_run(run, root)))


def follow(run: Any, *, until: float | None = None, every: float = 1.0, root: Path | None = None) -> None:
    """Shows a run for as long as it is trained, wherever that is; an interrupt of the kernel ends the showing only.

    Args:
        run: The run, its folder, its name, or a run of the background.
        until: Seconds after which to return at the latest.
        every: Seconds between two looks at the folder.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.

    Raises:
        RunError: If there is no such run.
    """
    found, frame, began = _run(run, root), Frame(), time.monotonic()
    try:
        while True:
            at = read_state(found)
            _put(frame, at)
            if at.state != "running" or (until is not None and time.monotonic() - began >= until):
                return
            time.sleep(every)
    except KeyboardInterrupt:
        return


def _run(run: Any, root: Path | None) -> Run:
    return run_at(getattr(run, "run", run), root)


def _put(frame: Frame, at: RunState) -> None:
    bars = [Bar("epochs", at.epoch, at.epochs)]
    frame.write(bars_html(bars, at.summary), bars_text(bars, at.summary))
    if frame.shows_pictures:
        frame.draw(png_bytes(run_view(at.run)), at.summary)
