"""``nsm export``."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.analysis.made_runs import add_history, make_run
from tests.cli.conftest import Command, JsonCommand


@pytest.fixture
def root(tmp_path: Path) -> Path:
    add_history(make_run(tmp_path / "root", "one"), 2)
    return tmp_path / "root"


def test_it_says_what_it_wrote(nsm: Command, nsm_json: JsonCommand, root: Path, tmp_path: Path) -> None:
    file = tmp_path / "one.zip"
    status, out, _ = nsm("export", "one", "--root", str(root), "--zip", str(file))
    assert status == 0
    lines = out.splitlines()
    assert lines[0].endswith("KiB  config.toml")
    assert lines[-2].startswith("missing: evaluation: there is none yet; nsm evaluate ")
    assert lines[-1] == f"written {file}"
    status, told = nsm_json("export", str(root / "planning" / "runs" / "one"), "--zip", str(file))
    assert status == 0
    assert told.keys() == {"file", "entries", "missing"}
    with zipfile.ZipFile(file) as archive:
        assert {f"one/{name}" for name in told["entries"]} == set(archive.namelist())


def test_no_such_run(nsm_json: JsonCommand, root: Path) -> None:
    status, told = nsm_json("export", "two", "--root", str(root))
    assert status == 2
    assert told["hint"] == "the latest runs: one"
