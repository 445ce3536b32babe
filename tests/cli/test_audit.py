"""``nsm audit``."""

from __future__ import annotations

from pathlib import Path

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


def test_tables_for_people(nsm: Command, settings: Path) -> None:
    status, out, err = nsm("audit", "planning", "--config", str(settings), "--quiet")
    assert (status, err) == (0, "")
    assert "Verdict: inconclusive" in out
    assert "best trivial probe" in out
