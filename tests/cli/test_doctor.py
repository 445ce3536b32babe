"""``nsm doctor``."""

from __future__ import annotations

from pathlib import Path

import pytest

import nsm.diagnosis
from nsm.diagnosis import Check
from tests.cli.conftest import Command, JsonCommand

CHECKS = [
    Check("python", "ok", "Python 3.12"),
    Check("cuda", "note", "no GPU", "train in the cloud"),
    Check("disk", "problem", "0.0 GiB free at /checkpoints" + ", and here are many words" * 8, "nsm checkpoints prune"),
]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    """What is found; change it to find something else."""
    checks = [*CHECKS]
    monkeypatch.setattr(nsm.diagnosis, "diagnose", lambda _: checks)
    return checks


def test_for_a_person(nsm: Command, found: list[Check]) -> None:
    status, out, err = nsm("doctor")
    assert (status, err) == (1, "")
    lines = out.splitlines()
    assert lines[0] == "ok       python           Python 3.12"
    assert lines[1:3] == ["note     cuda             no GPU", f"{'':26}-> train in the cloud"]
    assert lines[-1] == "1 problem to solve before training"
    assert max(map(len, lines)) <= 116
    found.pop()
    status, out, _ = nsm("doctor")
    assert (status, out.splitlines()[-1]) == (0, "ready to train")


def test_for_a_machine(nsm_json: JsonCommand, found: list[Check]) -> None:
    status, told = nsm_json("doctor")
    assert status == 1
    assert told == {"ready": False, "checks": [check.to_json() for check in CHECKS]}
    found.pop()
    assert nsm_json("doctor")[0] == 0


def test_this_machine(nsm_json: JsonCommand, tmp_path: Path) -> None:
    """The whole examination, with the real torch; a root that cannot be one is a problem."""
    (tmp_path / "file").touch()
    status, told = nsm_json("doctor", "--root", str(tmp_path / "file"))
    checks = {check["name"]: check for check in told["checks"]}
    assert all(check.keys() == {"name", "status", "detail", "remedy"} for check in checks.values())
    assert (status, checks["root"]["status"], checks["torch"]["status"]) == (1, "problem", "ok")
