from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nsm.cloud.attempts import Attempt, AttemptLog, read_attempts
from nsm.errors import RunError


def log(file: Path, seconds: float = 0.0, **how: Any) -> AttemptLog:
    return AttemptLog(file, "L4", time.monotonic() - seconds, **how)


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds")


def before(file: Path, *, began: float, seconds: float, ended: str = "running", call: str = "fc-1") -> None:
    """Leaves the record of an attempt that began so many seconds ago and noted something last after so many."""
    file.write_text(json.dumps([asdict(Attempt(ago(began), "L4", seconds, ended=ended, call=call))]))


def test_attempts_follow_each_other_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "night" / "causal.json"
    first = log(file, seconds=60)
    first.note(step=0)
    first.note("stopped")
    second = log(file, seconds=5)
    second.note(step=40)
    told = read_attempts(file)
    assert [(one.ended, one.step, one.gpu) for one in told] == [("stopped", 0, "L4"), ("running", 40, "L4")]
    assert 60 <= told[0].seconds < 70 and 5 <= told[1].seconds < 15
    assert second.to_json() == json.loads(file.read_text())


def test_failures_at_the_same_step_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "causal.json"
    for step, ended in ((0, "failed"), (0, "stopped"), (40, "failed"), (40, "failed")):
        attempt = log(file)
        attempt.note(ended, step=step)
    again = log(file)
    again.note(step=40)
    assert again.failures_here() == 3
    further = log(file)
    further.note(step=80)
    assert further.failures_here() == 1


def test_another_call_that_works_on_the_run_is_let_alone(tmp_path: Path) -> None:
    file = tmp_path / "causal.json"
    before(file, began=400, seconds=300)
    kept = file.read_text()
    refused = log(file, call="fc-2")
    with pytest.raises(RunError, match=r"call fc-1 trains this run: it was heard of 10\d s ago .*try again in \d+ s"):
        refused.begin(silence=300)
    assert file.read_text() == kept
    assert [one["call"] for one in refused.to_json()] == ["fc-2"]  # nothing that another call costs
    log(file, call="fc-2").begin(silence=50)  # it has been silent for longer
    assert [(one.call, one.seconds) for one in read_attempts(file)] == [("fc-1", 300), ("fc-2", 0)]


@pytest.mark.parametrize("ended", ["stopped", "failed", "finished", "out of time"])
def test_another_call_that_has_ended_keeps_nobody_away(tmp_path: Path, ended: str) -> None:
    before(tmp_path / "causal.json", began=20, seconds=19, ended=ended)
    log(tmp_path / "causal.json", call="fc-2").begin()
    assert read_attempts(tmp_path / "causal.json")[0].seconds == 19


@pytest.mark.parametrize(("limit", "seconds"), [(86_400, 500), (450, 450), (100, 300)])
def test_the_same_call_goes_on_at_once_and_the_time_of_a_killed_attempt_counts(
    tmp_path: Path, limit: float, seconds: float
) -> None:
    file = tmp_path / "causal.json"
    before(file, began=500, seconds=300)
    log(file, call="fc-1", limit=limit).begin()
    first, second = read_attempts(file)
    assert first.seconds == pytest.approx(seconds, abs=10) and first.ended == "running"
    assert (second.call, second.ended) == ("fc-1", "running")


def test_what_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    file = tmp_path / "causal.json"
    assert read_attempts(file) == []
    for text in ("no json", "[1]", '[{"shoe": 3}]'):
        file.write_text(text)
        assert read_attempts(file) == []
    assert Attempt("now", "L4").ended == "running"
