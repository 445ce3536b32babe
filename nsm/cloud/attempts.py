"""The attempts that an order took: when, on what, how long, how each ended. Time and costs are counted from them."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nsm.errors import RunError
from nsm.runs import write_json

__all__ = ["Attempt", "AttemptLog", "read_attempts"]

SILENCE = 300.0
"""Seconds after which a container that has noted nothing counts as gone; it notes how things stand at each commit."""


@dataclass(frozen=True)
class Attempt:
    """One container's work on a run.

    Attributes:
        began: When, in UTC.
        gpu: The GPU, by its name in the list of prices.
        seconds: How long, as far as it could still say.
        step: Where it began, in steps of the optimiser.
        ended: ``finished``, ``stopped``, ``out of time``, ``failed``, or ``running`` if it could not say.
        call: The call that it belongs to; empty where none is known.
    """

    began: str
    gpu: str
    seconds: float = 0.0
    step: int = 0
    ended: str = "running"
    call: str = ""

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.began)).total_seconds()


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
        call: The call that it belongs to.
        limit: The most seconds that an attempt can take.
    """

    def __init__(self, file: Path, gpu: str, began: float, *, call: str = "", limit: float = 0.0) -> None:
        self._file, self._clock, self._limit = file, began, limit
        self._before = read_attempts(file)
        self._now = Attempt(datetime.now(UTC).isoformat(timespec="seconds"), gpu, call=call)

    def begin(self, silence: float = SILENCE) -> None:
        """Notes that this attempt works on the run from now on, unless another call does.

        An attempt before it that could not say its end has cost the time until now, as far as it belongs to this call,
        which is tried again at once; otherwise what it noted last is all that is known.

        Args:
            silence: Seconds after which another call that has noted nothing counts as gone.

        Raises:
            RunError: If another call works on the run.
        """
        last = self._before[-1] if self._before else None
        if last is not None and last.ended == "running":
            quiet = last.age - last.seconds
            if last.call != self._now.call and quiet < silence:
                self._before, told = [], f"call {last.call or 'of an older release'} trains this run"
                hint = f"wait for that one, or try again in {silence - quiet:.0f} s if it has ended"
                raise RunError(f"{told}: it was heard of {max(quiet, 0):.0f} s ago", hint=hint)
            if last.call == self._now.call:
                self._before[-1] = replace(last, seconds=round(max(last.seconds, min(self._limit, last.age)), 1))
        self.note()

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
