"""Progress on standard error: bars in a terminal, one line per epoch elsewhere."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from nsm.training.callbacks import Callback
from nsm.training.device import describe_device

if TYPE_CHECKING:
    from rich.progress import TaskID

    from nsm.training.records import EpochRecord, StepRecord
    from nsm.training.trainer import Trainer

__all__ = ["PartsBar", "TrainingProgress"]


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[count]:>9}"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[figures]}"),
        console=console,
        transient=True,
    )


def _duration(seconds: float) -> str:
    """Seconds as a person says them.

    Example:
        >>> _duration(9.6), _duration(125), _duration(7384)
        ('10 s', '2 min 5 s', '2 h 3 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class TrainingProgress(Callback):
    """Shows epochs and batches, graphs per second, the time that remains and the figures that matter.

    Args:
        console: Where to show it; standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._progress: Progress | None = None
        self._epochs: TaskID
        self._batches: TaskID
        self._began = self._batch_began = 0.0
        self._first = self._graphs = 0

    def on_start(self, trainer: Trainer) -> None:
        """Says where it computes, and draws the bars, where there is a terminal."""
        told = describe_device(trainer.fabric.device, trainer.config)
        self.console.print(told, highlight=False, soft_wrap=True)
        self._began, self._first = time.monotonic(), trainer.result.epochs
        if self.console.is_terminal:
            self._progress = _bars(self.console)
            batches, add = len(trainer.train_loader), self._progress.add_task
            total, done = trainer.config.epochs * batches, trainer.position.step
            self._epochs = add("epochs", total=total, completed=done, count="", figures="")
            self._batches = add("batches", total=batches, count="", figures="")
            self._progress.start()

    def on_step(self, trainer: Trainer, record: StepRecord) -> None:
        """Moves both bars."""
        if self._progress is None:
            return
        if record.batch == 1 or not self._graphs:
            self._batch_began, self._graphs = time.monotonic(), 0
        self._graphs += record.graphs
        spent = time.monotonic() - self._batch_began
        rate = f"{self._graphs / spent:,.0f} graphs/s  " if spent > 0 and self._graphs > record.graphs else ""
        figures = f"{rate}loss {record.loss:.3f}"
        count = f"{record.batch}/{record.batches}"
        self._progress.update(self._batches, completed=record.batch, count=count, figures=figures)
        count = f"{record.epoch}/{trainer.config.epochs}"
        self._progress.update(self._epochs, completed=trainer.position.step, count=count)

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Prints one line for the epoch."""
        done = record.epoch - self._first
        left = (trainer.config.epochs - record.epoch) * (time.monotonic() - self._began) / done
        self.console.print(self._line(trainer, record, left), highlight=False, soft_wrap=True)
        if self._progress is not None:
            best = trainer.result.best_val_acc
            figures = "" if best is None else f"best val acc {best:.3f}, majority {trainer.majority:.3f}"
            self._progress.update(self._epochs, figures=figures)

    def _line(self, trainer: Trainer, record: EpochRecord, left: float) -> str:
        metrics, total = record.metrics, trainer.config.epochs
        parts = [f"epoch {record.epoch:>{len(str(total))}}/{total}", f"loss {metrics['train_loss']:.3f}"]
        if "val_acc" in metrics:
            mark = " *" if record.is_best else "  "
            parts += [f"val loss {metrics['val_loss']:.3f}", f"val acc {metrics['val_acc']:.3f}{mark}"]
            parts.append(f"(majority {trainer.majority:.3f})")
        parts.append(f"{record.resources['graphs_per_second']:,.0f} graphs/s")
        if not trainer.is_over:
            parts.append(f"{_duration(left)} left")
        return "  ".join(parts)

    def on_notice(self, trainer: Trainer, text: str) -> None:  # noqa: ARG002
        """Prints it on a line of its own."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def on_end(self, trainer: Trainer) -> None:
        """Takes the bars away; says where the state is, and how to go on, if there is more to train."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        if not trainer.is_over and trainer.run.last.exists():
            told = f"stopped; the state so far is in {trainer.run.last}"
            command = f"nsm train --resume {trainer.run.folder}"
            self.console.print(f"{told}; go on with: {command}", highlight=False, soft_wrap=True)


class PartsBar(AbstractContextManager["PartsBar"]):
    """A bar for work in counted parts, such as building data; calling it moves it.

    Args:
        name: What is worked on.
        console: Where to show it; standard error by default.
    """

    def __init__(self, name: str, console: Console | None = None) -> None:
        self.name, self.console = name, console or Console(stderr=True)
        self._progress: Progress | None = None
        self._task: TaskID
        self._told: tuple[str, int] | None = None

    def __call__(self, done: int, total: int, what: str) -> None:
        """Shows that ``done`` of ``total`` pieces are finished; without a terminal a line at each half."""
        if not self.console.is_terminal:
            half = (what, math.floor(2 * done / max(total, 1)))
            if half != self._told:
                self._told = half
                line = f"{self.name}: {what}, {done:,} of {total:,}"
                self.console.print(line, highlight=False, soft_wrap=True)
            return
        if self._progress is None:
            self._progress = _bars(self.console)
            self._task = self._progress.add_task(self.name, total=total, count="", figures=what)
            self._progress.start()
        count = f"{done:,}/{total:,}"
        self._progress.update(self._task, completed=done, total=total, count=count, figures=what)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
