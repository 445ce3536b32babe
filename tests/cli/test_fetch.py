from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.conftest import Command, JsonCommand
from tests.cloud.memory import MemoryStorage


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Modal's part, with a volume in memory."""
    storage = MemoryStorage({"causal/runs/night/config.toml": b"", "causal/runs/night/history.jsonl": b"{}\n"})
    made: Any = SimpleNamespace(ModalVolume=lambda: storage, has_token=lambda: True, storage=storage)
    monkeypatch.setitem(sys.modules, "nsm.cloud.modal_platform", made)
    return made  # type: ignore[no-any-return]


def test_it_says_what_came(nsm: Command, platform: SimpleNamespace, tmp_path: Path) -> None:
    del platform
    status, out, err = nsm("fetch", "night", "--root", str(tmp_path))
    assert status == 0 and "fetching" in err
    assert "fetched   2 files" in out and f"run       {tmp_path}/causal/runs/night" in out
    status, out, err = nsm("fetch", "--root", str(tmp_path), "--quiet")
    assert "skipped   2 files" in out and err == ""


def test_for_machines(nsm_json: JsonCommand, platform: SimpleNamespace, tmp_path: Path) -> None:
    del platform
    status, told = nsm_json("fetch", "causal", "--root", str(tmp_path), "--no-data")
    assert status == 0 and told["root"] == str(tmp_path)
    assert (told["files"], told["skipped"], told["runs"]) == (2, 0, [f"{tmp_path}/causal/runs/night"])


def test_mistakes_are_told(nsm_json: JsonCommand, platform: SimpleNamespace, tmp_path: Path) -> None:
    status, told = nsm_json("fetch", "morning", "--root", str(tmp_path))
    assert status == 2 and "nothing called 'morning'" in told["error"] and "night" in told["hint"]
    platform.has_token = lambda: False
    status, told = nsm_json("fetch", "--root", str(tmp_path))
    assert status == 2 and told["error"] == "no Modal token is set" and "modal setup" in told["hint"]


def test_without_the_client_the_remedy_is_told(
    nsm_json: JsonCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "nsm.cloud.modal_platform", raising=False)
    monkeypatch.setitem(sys.modules, "modal", None)
    status, told = nsm_json("fetch", "--root", str(tmp_path))
    assert status == 2 and told["error"] == "modal is not installed" and "nsm[cloud]" in told["hint"]


def test_a_client_that_cannot_be_imported_is_told(
    nsm_json: JsonCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "nsm.cloud.modal_platform", raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == "modal"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "modal").mkdir()
    (tmp_path / "modal" / "__init__.py").write_text("import a_part_that_is_missing")
    monkeypatch.syspath_prepend(str(tmp_path))
    status, told = nsm_json("fetch", "--root", str(tmp_path))
    assert status == 2 and told["error"] == "modal cannot be imported: No module named 'a_part_that_is_missing'"


def test_a_run_that_was_made_here_is_refused_in_one_line(
    nsm: Command, platform: SimpleNamespace, tmp_path: Path
) -> None:
    del platform
    config = tmp_path / "causal" / "runs" / "night" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("epochs = 9\n")
    status, out, err = nsm("fetch", "night", "--root", str(tmp_path), "--quiet")
    assert (status, out) == (2, "") and "would be overwritten: config.toml is another one here" in err
    assert "--force" in err and config.read_text() == "epochs = 9\n"
    assert nsm("fetch", "night", "--root", str(tmp_path), "--quiet", "--force")[0] == 0 and config.read_text() == ""
    config.write_text("epochs = 8\n")
    status, out, _ = nsm("fetch", "--root", str(tmp_path), "--quiet")
    assert status == 0 and f"kept      {tmp_path}/causal/runs/night" in out


def test_an_interrupted_fetch_says_how_it_goes_on(
    nsm: Command, platform: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(platform.storage, "read", interrupted)
    status, _, err = nsm("fetch", "--root", str(tmp_path), "--quiet")
    assert status == 130 and "the same command goes on" in err and "nsm train" not in err
