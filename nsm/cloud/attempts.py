"""The attempts that an order took: when, on what, how long, how each ended. Time and costs are counted from them."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nsm.runs import write_json

__all__ = ["Attempt", "AttemptLog", "read_attempts"]


@dataclass(frozen=True)
class Attempt:
    """One container's work on a run.

    Attributes:
        began: When, in UTC.
        gpu: The GPU, by its name in the list of prices.
        seconds: How long, as far as it could still say.
        step: Where it began, in steps of the optimiser.
        ended: ``finished``, ``stopped``, ``out of time``, ``failed``, or ``running`` if it could not say.
    """

    began: str
    gpu: str
    seconds: float = 0.0
    step: int = 0
    ended: str = "running"


def read_attempts(file: Path) -> list[Attempt]:
    """The attempts that a file tells of, in order; none where there is no such file."""
    try:
        return [Attempt(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


class AttemptLog:
    """Keeps the list of the attempts at one order, of which this container's is the last.

    Args:
        file: The list. It lies outside the run's folder, which the first attempts may not get as far as to make.
        gpu: What this container computes on.
        began: When it began, as ``time.monotonic`` tells.
    """

    def __init__(self, file: Path, gpu: str, began: float) -> None:
        self._file, self._clock = file, began
        self._before = read_attempts(file)
        self._now = Attempt(datetime.now(UTC).isoformat(timespec="seconds"), gpu)

    def note(self, ended: str = "running", *, step: int | None = None) -> None:
        """Writes how things stand.

        Args:
            ended: How it ended, or that it has not.
            step: Where it began.
        """
        seconds = round(time.monotonic() - self._clock, 1)
        self._now = replace(self._now, seconds=seconds, ended=ended, step=self._now.step if step is None else step)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_json(self._file, self.to_json())

    def failures_here(self) -> int:
        """How many attempts in a row, this one included, have failed without getting any further."""
        count = 1
        for attempt in reversed(self._before):
            if attempt.ended != "failed" or attempt.step != self._now.step:
                break
            count += 1
        return count

    def to_json(self) -> list[dict[str, Any]]:
        """All attempts as plain values, this one last."""
        return [asdict(attempt) for attempt in (*self._before, self._now)]
