"""``nsm audit``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command, JsonCommand

KEYS = {
    "domain", "samples", "majority", "probe", "probe_low", "local_probe", "duplicates", "confirmed",
    "ceiling", "verdict", "reasons",
}  # fmt: skip


def test_one_object_with_the_keys_that_tools_rely_on(nsm_json: JsonCommand, settings: Path) -> None:
    status, told = nsm_json("audit", "planning", "--config", str(settings))
    assert status == 0
    assert told.keys() >= KEYS
    assert (told["domain"], told["samples"], told["verdict"]) == ("planning", 120, "inconclusive")


@pytest.mark.parametrize(("graphs", "verdict", "strict_status"), [(120, "inconclusive", 0), (600, "fail", 1)])
def test_a_script_can_stop_at_a_failing_audit(
    nsm: Command, nsm_json: JsonCommand, settings: Path, graphs: int, verdict: str, strict_status: int
) -> None:
    arguments = ("audit", "planning", "--config", str(settings), "--set", f"planning.graphs={graphs}")
    status, told = nsm_json(*arguments)
    assert (status, told["verdict"]) == (0, verdict)
    assert nsm_json(*arguments, "--strict") == (strict_status, told)
    status, out, _ = nsm(*arguments, "--strict", "--quiet")
    assert status == strict_status
    assert f"Verdict: {verdict}" in out


def test_tables_for_people(nsm: Command, settings: Path) -> None:
    status, out, err = nsm("audit", "planning", "--config", str(settings), "--quiet")
    assert (status, err) == (0, "")
    assert "Verdict: inconclusive" in out
    assert "best trivial probe" in out
