"""``nsm lr``."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Command, JsonCommand


def test_find(nsm: Command, nsm_json: JsonCommand, settings: Path, tmp_path: Path) -> None:
    arguments = ("lr", "find", "planning", "--config", str(settings))
    status, told = nsm_json(*arguments, "--set", "lr=0.01", "--quiet")
    assert status == 0
    assert told.keys() == {"rates", "losses", "suggestion", "limit", "configured", "figure"}
    assert told["configured"] == 0.01
    assert Path(told["figure"]) == tmp_path / "root" / "planning" / "learning_rate.png"
    status, out, err = nsm(*arguments, "--out", str(tmp_path / "rates.png"), "--model", "flat", "--quiet")
    assert (status, err) == (0, "")
    assert f"picture                  {tmp_path / 'rates.png'}" in out
    assert (tmp_path / "rates.png").exists()
    assert not (tmp_path / "root" / "planning" / "runs").exists()


def test_mistakes(nsm: Command) -> None:
    status, out, err = nsm("lr", "find", "planning", "--network", "asia")
    assert (status, out) == (2, "")
    assert "--network is an option of causal" in err
