"""How often something may be drawn, so that drawing stays a small part of the time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["Pace", "usable_cores"]

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Where Linux tells how much processor time a container gets: microseconds in so many microseconds."""


class Pace:
    """Allows a drawing when the last one is ``every`` seconds ago, and drawings keep to a share of the time.

    The first is always allowed; what the next one costs is taken to be what the last one did.

    Args:
        every: Seconds between two drawings at least.
        share: Of the time that has passed, what drawing may take.
        ahead: Seconds of drawing that are allowed before the share begins to count, so that the first pictures of a
            short training come soon.
        clock: Tells the time in seconds.
    """

    def __init__(
        self, every: float, share: float, ahead: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.every, self.share, self.ahead, self._clock = every, share, ahead, clock
        self._began = self._clock()
        self._last: float | None = None
        self._cost = self._spent = 0.0

    @property
    def is_due(self) -> bool:
        """Whether there may be a drawing now."""
        if self._last is None:
            return True
        now = self._clock()
        allowed = self.ahead + self.share * (now - self._began)
        return now - self._last >= self.every and self._spent + self._cost <= allowed

    def count(self, seconds: float) -> None:
        """Takes note of a drawing that took so long and has just ended."""
        self._last, self._cost = self._clock(), seconds
        self._spent += seconds


def usable_cores() -> float:
    """Cores that this process may use at once: those it is bound to, and not more than its container is given."""
    cores = float(len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else float(os.cpu_count() or 1)
    try:
        quota, period = QUOTA.read_text(encoding="ascii").split()
        return cores if quota == "max" else min(cores, int(quota) / int(period))
    except (OSError, ValueError):
        return cores
