"""Ctrl-C, SIGTERM and a stop file as a request to stop, not as an accident."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Interruption"]

_Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None


class Interruption:
    """While it is open, the first SIGINT or SIGTERM only sets :attr:`requested`; a second SIGINT raises.

    So does a stop file, which asks whoever trains elsewhere, on another machine say. It is removed when it has been
    seen, and at the end at the latest.
    Outside the main thread no handler can be installed; the stop file works there too.

    Args:
        stop_file: A file to look for; none by default.

    Example:
        >>> with Interruption() as interruption:
        ...     interruption.requested
        False
    """

    def __init__(self, stop_file: Path | None = None) -> None:
        self._stop_file, self._is_requested = stop_file, False
        self._previous: dict[signal.Signals, _Handler] = {}

    @property
    def requested(self) -> bool:
        """Whether somebody has asked to stop."""
        if not self._is_requested and self._stop_file is not None and self._stop_file.exists():
            self._is_requested = True
            self._stop_file.unlink(missing_ok=True)
        return self._is_requested

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stop_file is not None:
            self._stop_file.unlink(missing_ok=True)
        # a generator that holds this context may be closed by the garbage collector in another thread
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._previous.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous.clear()

    def _request(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._is_requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._is_requested = True
