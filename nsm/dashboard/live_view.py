"""The live view of a training in this process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nsm.analysis.live import run_view
from nsm.analysis.plots import png_bytes
from nsm.analysis.run_states import duration, read_state
from nsm.dashboard.bars import Bar, bars_html, bars_text
from nsm.dashboard.frame import Frame
from nsm.dashboard.pace import Pace, usable_cores
from nsm.dashboard.painter import Painter
from nsm.runs import Run
from nsm.training.callbacks import Callback

if TYPE_CHECKING:
    from nsm.training.records import EpochRecord, StepRecord
    from nsm.training.trainer import Trainer

__all__ = ["LiveView"]

OWN_SHARE = 0.02  # of the time, which drawing may take where it has to share a core with the training
SPARE_SHARE, SPARE_AHEAD = 0.05, 1.0  # of the time, and seconds, on a core that the training leaves free: two
# cores share memory, and often more, so that this slows the training too, if by less
BARS = 0.5  # seconds between two movements of the bars


class LiveView(Callback):
    """Shows a training while it runs: bars with rate and remaining time, and the curves so far.

    Pass it among the ``callbacks`` of :func:`nsm.pipeline.build_trainer` or :func:`nsm.train`, or attach it to a
    trainer. The picture follows each validation, drawn by a process of its own where the machine has a core to
    spare; where it has none, drawing is kept to 2 % of the time. A last picture comes at the end. Outside of a
    notebook it prints a line for each epoch.

    Args:
        run_or_trainer: A trainer to attach to, or a run to draw at once; None where it is passed as a callback.
        every: Seconds between two pictures at least.
    """

    def __init__(self, run_or_trainer: Run | Trainer | None = None, *, every: float = 1.0) -> None:
        self.every = every
        self._frame: Frame | None = None
        self._painter: Painter | None = None
        self._pace = Pace(every, OWN_SHARE)
        self._is_behind = False
        self._began = self._told = 0.0
        self._first_step = self._graphs = 0
        self._line = self._note = ""
        if isinstance(run_or_trainer, Run):
            self.draw(run_or_trainer)
        elif run_or_trainer is not None:
            self.attach(run_or_trainer)

    def attach(self, trainer: Trainer) -> LiveView:
        """Watches a trainer from now on; returns the view."""
        if self not in trainer.callbacks:
            trainer.callbacks.append(self)
        return self

    def draw(self, run: Run) -> None:
        """Draws where a run stands, in the place of what was drawn before."""
        self._frame = self._frame or Frame()
        at = read_state(run)
        bars = [Bar("epochs", at.epoch, at.epochs)]
        self._frame.write(bars_html(bars, at.summary), bars_text(bars, at.summary))
        if self._frame.shows_pictures:
            self._frame.draw(png_bytes(run_view(run)), at.summary)

    def on_start(self, trainer: Trainer) -> None:
        """Takes a place on the page."""
        self._frame = Frame()
        self._began = time.monotonic()
        self._first_step, self._graphs, self._note, self._is_behind = trainer.position.step, 0, "", False
        has_spare = usable_cores() >= trainer.config.threads + 1
        self._pace = Pace(self.every, SPARE_SHARE, SPARE_AHEAD) if has_spare else Pace(self.every, OWN_SHARE)
        if has_spare and self._frame.shows_pictures:
            self._painter = Painter(trainer.run)
        self._line = "going on" if trainer.position.step else "starting"
        self._write(trainer)

    def on_step(self, trainer: Trainer, record: StepRecord) -> None:
        """Moves the bars, and shows a picture that has become ready."""
        if self._frame is None:  # it was attached to a training under way
            self.on_start(trainer)
        self._graphs += record.graphs
        if time.monotonic() - self._told >= BARS:
            self._write(trainer, record)
            self._paint(trainer.run)

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Tells the figures of the epoch, and draws the curves, if it is time."""
        shown = [name for name in ("train_loss", "val_loss", "val_acc") if name in record.metrics]
        parts = [f"epoch {record.epoch}", *(f"{name.replace('_', ' ')} {record.metrics[name]:.3f}" for name in shown)]
        if "val_acc" in record.metrics:
            parts.append(f"majority {trainer.majority:.3f}")
        self._line, self._is_behind = ", ".join(parts), True
        self._write(trainer)
        self._paint(trainer.run)

    def on_notice(self, trainer: Trainer, text: str) -> None:
        """Keeps what was said below the bars."""
        self._note = text
        if self._frame is not None:
            self._write(trainer)

    def on_end(self, trainer: Trainer) -> None:
        """Draws a last time, and says where the state is and how to go on, if there is more to train."""
        if self._painter is not None:
            self._painter.close()
            self._painter = None
        if self._frame is None:
            return
        self._line = read_state(trainer.run).summary
        if not trainer.is_over and trainer.run.last.exists():
            folder = trainer.run.folder
            self._line += f". Saved in {trainer.run.last}; go on with nsm.resume({str(folder)!r}) or in a terminal "
            self._line += f"nsm train --resume {folder}"
        self._write(trainer)
        if self._frame.shows_pictures and trainer.run.folder.exists():
            self._frame.draw(png_bytes(run_view(trainer.run)), self._line)

    def _write(self, trainer: Trainer, record: StepRecord | None = None) -> None:
        assert self._frame is not None
        self._told = time.monotonic()
        at, batches, epochs = trainer.position, len(trainer.train_loader), trainer.config.epochs
        spent, steps, figures = self._told - self._began, at.step - self._first_step, ""
        if steps and spent:
            figures = f"{self._graphs / spent:,.0f} graphs/s, validation included"
            if not trainer.is_over:
                figures += f", {duration((epochs * batches - at.step) * spent / steps)} left"
        loss = f"loss {record.loss:.3f}" if record is not None else ""
        bars = [Bar("epochs", at.step / batches, epochs, figures)]
        bars += [] if trainer.is_over else [Bar("batches", at.batch, batches, loss)]
        line = f"{self._line}\n{self._note}" if self._note else self._line
        self._frame.write(bars_html(bars, line), bars_text(bars, line), is_due=record is None)

    def _paint(self, run: Run) -> None:
        """Shows the picture that is ready; asks for the next one, or draws it here, if it is time."""
        assert self._frame is not None
        if not self._frame.shows_pictures:
            return
        painter = self._painter
        if painter is not None:
            if (png := painter.fetch()) is not None:
                self._pace.count(painter.seconds)
                self._frame.draw(png, self._line)
            if painter.is_busy or not (self._is_behind and self._pace.is_due):
                return
            if painter.is_alive:
                painter.ask()
                self._is_behind = False
                return
            painter.close()
            self._painter, self._pace = None, Pace(self.every, OWN_SHARE)
        if self._is_behind and self._pace.is_due:
            began = time.monotonic()
            self._frame.draw(png_bytes(run_view(run)), self._line)
            self._pace.count(time.monotonic() - began)
            self._is_behind = False
