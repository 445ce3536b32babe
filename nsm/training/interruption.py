"""Ctrl-C and SIGTERM as a request to stop, not as an accident."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Interruption"]

_Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None


class Interruption:
    """While it is open, the first SIGINT or SIGTERM only sets :attr:`requested`; a second SIGINT raises.

    Outside the main thread no handler can be installed; the context is then empty.

    Example:
        >>> with Interruption() as interruption:
        ...     interruption.requested
        False
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[signal.Signals, _Handler] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # a generator that holds this context may be closed by the garbage collector in another thread
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._previous.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous.clear()

    def _request(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True
