"""Findings are collected one beside the other, and none spoils another."""

from __future__ import annotations

import sys
import threading
from typing import NoReturn

import pytest

from nsm.diagnosis.check import Check, Finding, examine, note, ok, problem


def failing(error: BaseException) -> NoReturn:
    raise error


@pytest.mark.parametrize(
    "error", [OSError("dead disk"), KeyError("x"), ZeroDivisionError(), MemoryError("all gone"), RecursionError()]
)
def test_a_probe_that_fails_is_a_finding(error: Exception) -> None:
    checks = examine({"first": lambda: ok("fine"), "broken": lambda: failing(error), "last": lambda: note("x", None)})
    assert [(check.name, check.status) for check in checks] == [("first", "ok"), ("broken", "note"), ("last", "note")]
    assert checks[1].detail == f"could not be looked at: {type(error).__name__}: {error}"
    assert checks[1].remedy is not None


def test_not_even_an_exit_gets_through() -> None:
    checks = examine({"exits": lambda: sys.exit(3), "asks": lambda: problem("it is broken", "mend it")})
    assert checks[0].detail == "could not be looked at: SystemExit: 3"
    assert checks[1] == Check("asks", "problem", "it is broken", "mend it")


def test_probes_run_side_by_side() -> None:
    meeting = threading.Barrier(3, timeout=60)  # passes only when all three are under way

    def meet() -> Finding:
        meeting.wait()
        return ok("met")

    assert {check.status for check in examine(dict.fromkeys("abc", meet))} == {"ok"}


def test_as_plain_values() -> None:
    assert Check("disk", "ok", "1 GiB").to_json() == {"name": "disk", "status": "ok", "detail": "1 GiB", "remedy": None}
    assert examine({}) == []
