"""Signals that end a container: a training is told to stop; whatever else is under way ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nsm.training.trainer import Trainer

__all__ = ["Signals"]


class Signals:
    """While it is open, a signal stops the training that it watches, or raises ``KeyboardInterrupt`` if there is none.

    A container is told in three ways that it has to end: SIGINT before a preemption, SIGTERM when its app is stopped,
    SIGUSR1 when its call is cancelled. Outside the main thread nothing can be heard.

    Attributes:
        heard: The number of the signal that came; None before.
    """

    NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

    def __init__(self) -> None:
        self.heard: int | None = None
        self._trainer: Trainer | None = None
        self._previous: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in self.NUMBERS:
                self._previous[number] = signal.getsignal(number)
            self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous.clear()

    def watch(self, trainer: Trainer | None) -> None:
        """From now on a signal stops this training; none, if there is none any more.

        A trainer listens to signals itself while its epochs run; this takes its place, and knows what has come.
        """
        self._trainer = trainer
        if trainer is not None and self._previous:
            self._listen()

    def _listen(self) -> None:
        for number in self.NUMBERS:
            signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del frame
        is_first, self.heard = self.heard is None, number
        if self._trainer is None or (number == signal.SIGINT and not is_first):
            raise KeyboardInterrupt
        self._trainer.stop_requested = True
