"""The live view of a training in this process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from nsm.analysis.live import run_view
from nsm.analysis.plots import png_bytes
from nsm.analysis.run_states import duration, read_state
from nsm.dashboard.bars import Bar, bars_html, bars_text
from nsm.dashboard.frame import Frame
from nsm.runs import Run
from nsm.training.callbacks import Callback

if TYPE_CHECKING:
    from nsm.training.records import EpochRecord, StepRecord
    from nsm.training.trainer import Trainer

__all__ = ["LiveView"]

SHARE = 0.02  # of the time that has passed, which the drawing may take


class LiveView(Callback):
    """Shows a training while it runs: bars with rate and remaining time, and the curves so far.

    Pass it among the ``callbacks`` of :func:`nsm.pipeline.build_trainer` or :func:`nsm.train`, or attach it to a
    trainer. The picture is drawn anew after a validation, so seldom that drawing stays below 2 % of the time, and
    once more at the end.

    Args:
        trainer: The trainer to watch; None where it is passed as a callback.
        every: Seconds between two drawings at least.
    """

    def __init__(self, trainer: Trainer | None = None, *, every: float = 1.0) -> None:
        self.every = every
        self._frame: Frame | None = None
        if trainer is not None:
            self.attach(trainer)

    def attach(self, trainer: Trainer) -> LiveView:
        """Watches a trainer from now on; returns the view."""
        trainer.callbacks.append(self)
        return self

    def on_start(self, trainer: Trainer) -> None:
        """Takes a place on the page."""
        self._frame = Frame()
        self._began = self._told = time.monotonic()
        self._first_step, self._drawn, self._cost = trainer.position.step, 0.0, 0.0
        self._graphs, self._note = 0, ""
        self._write(trainer, "starting")

    def on_step(self, trainer: Trainer, record: StepRecord) -> None:
        """Moves the bars."""
        self._graphs += record.graphs
        if time.monotonic() - self._told >= min(self.every, 0.5):
            self._write(trainer, "running", record)

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Draws the curves, if it is time."""
        now = time.monotonic()
        self._write(trainer, self._figures(record))
        if now - self._drawn >= max(self.every, self._cost / SHARE):
            self._draw(trainer.run)

    def on_notice(self, trainer: Trainer, text: str) -> None:
        """Keeps what was said below the bars."""
        self._note = text

    def on_end(self, trainer: Trainer) -> None:
        """Draws a last time, and says how to go on."""
        if self._frame is None:
            return
        line = read_state(trainer.run).summary
        if not trainer.is_over and trainer.run.last.exists():
            line = f"interrupted: saved in {trainer.run.last}; go on with: nsm train --resume {trainer.run.folder}"
        self._write(trainer, line)
        self._draw(trainer.run)

    def _write(self, trainer: Trainer, line: str, record: StepRecord | None = None) -> None:
        assert self._frame is not None
        self._told = time.monotonic()
        at, batches, epochs = trainer.position, len(trainer.train_loader), trainer.config.epochs
        spent, steps = self._told - self._began, at.step - self._first_step
        figures = ""
        if steps:
            left = (epochs * batches - at.step) * spent / steps
            figures = f"{self._graphs / spent:,.0f} graphs/s, {duration(left)} left"
        loss = f"loss {record.loss:.3f}" if record is not None else ""
        bars = [Bar("epochs", at.epoch, epochs, figures), Bar("batches", at.batch, batches, loss)]
        line = f"{line}. {self._note}" if self._note else line
        self._frame.write(bars_html(bars, line), bars_text(bars, line), is_due=record is None)

    def _figures(self, record: EpochRecord) -> str:
        names = ("train_loss", "val_loss", "val_acc")
        return ", ".join(f"{name} {record.metrics[name]:.3f}" for name in names if name in record.metrics)

    def _draw(self, run: Run) -> None:
        assert self._frame is not None
        if self._frame.shows_pictures:
            began = time.monotonic()
            self._frame.draw(png_bytes(run_view(run)), read_state(run).summary)
            self._drawn = time.monotonic()
            self._cost = self._drawn - began


def run_at(run: Run | str | Path, root: Path | None = None) -> Run:
    """The run that is meant: itself, its folder, or its name below the root.

    Raises:
        RunError: If there is no such run.
    """
    from nsm.runs import find_run, resolve_root

    return run if isinstance(run, Run) else find_run(run, resolve_root(root))
