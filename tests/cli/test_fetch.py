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
    monkeypatch.setitem(sys.modules, "modal", None)
    status, told = nsm_json("fetch", "--root", str(tmp_path))
    assert status == 2 and told["error"] == "modal is not installed" and "nsm[cloud]" in told["hint"]
