from __future__ import annotations

import json
import time
from pathlib import Path

from nsm.cloud.attempts import Attempt, AttemptLog, read_attempts


def log(file: Path, seconds: float = 0.0) -> AttemptLog:
    return AttemptLog(file, "L4", time.monotonic() - seconds)


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


def test_what_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    file = tmp_path / "causal.json"
    assert read_attempts(file) == []
    for text in ("no json", "[1]", '[{"shoe": 3}]'):
        file.write_text(text)
        assert read_attempts(file) == []
    assert Attempt("now", "L4").ended == "running"
