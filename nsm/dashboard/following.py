"""A run seen from outside, by its folder alone."""

from __future__ import annotations

import time
from pathlib import Path

from nsm.dashboard.background_runs import BackgroundRun, background
from nsm.dashboard.bars import Bar, bars_html, bars_text
from nsm.dashboard.frame import Frame
from nsm.dashboard.pace import Pace
from nsm.runs import Run

__all__ = ["draw_job", "follow", "show"]

SHARE = 0.3  # of the time, which drawing may take: this process has nothing else to do
UNDER_WAY = ("running", "building")

AnyRun = BackgroundRun | Run | str | Path


def show(run: AnyRun, *, root: Path | None = None) -> None:
    """Draws where a run stands, once.

    Args:
        run: The run, its folder, its name, or a run of the background.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.

    Raises:
        RunError: If there is no such run.
    """
    draw_job(Frame(), background(run, root=root))


def follow(run: AnyRun, *, until: float | None = None, every: float = 1.0, root: Path | None = None) -> None:
    """Shows a run for as long as it is trained, wherever that is: here, in a terminal, in the background.

    It returns when the run has ended. An interrupt of the kernel ends the showing; the training goes on.

    Args:
        run: The run, its folder, its name, or a run of the background.
        until: Seconds after which to return at the latest.
        every: Seconds between two looks at the folder.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.

    Raises:
        RunError: If there is no such run.
    """
    job, frame, pace, began = background(run, root=root), Frame(), Pace(every, SHARE), time.monotonic()
    drawn = -1
    try:
        while job.state in UNDER_WAY and (until is None or time.monotonic() - began < until):
            epoch = job.at.epoch
            if epoch != drawn and pace.is_due:
                start = time.monotonic()
                draw_job(frame, job)
                drawn = epoch
                pace.count(time.monotonic() - start)
            else:
                draw_job(frame, job, picture=False)
            time.sleep(every if until is None else min(every, max(0.0, until - (time.monotonic() - began))))
        draw_job(frame, job)
    except KeyboardInterrupt:
        line = f"no longer shown; {job.run.name} goes on: {job.summary}"
        frame.write(bars_html([], line), line)


def draw_job(frame: Frame, job: BackgroundRun, *, picture: bool = True) -> None:
    """Puts a bar, a line and, where there is something to draw, the curves of a run into a frame."""
    at, line = job.at, f"{job.run.name}: {job.summary}"
    bars = [Bar("epochs", at.epoch, at.epochs)]
    frame.write(bars_html(bars, line), bars_text(bars, line))
    if picture and frame.shows_pictures and job.run.config.exists():
        from nsm.analysis.live import run_view
        from nsm.analysis.plots import png_bytes

        frame.draw(png_bytes(run_view(job.run)), line)
