from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from nsm.dashboard.volume import CONTAINER, commit_volume
from nsm.errors import NSMError


def test_without_a_volume_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(CONTAINER, raising=False)
    assert "no cloud volume" in commit_volume(Path("/"))
    monkeypatch.setenv(CONTAINER, "ta-1")
    assert "no cloud volume" in commit_volume(tmp_path)  # a folder, not a mount


def test_a_mounted_volume_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    committed = []
    platform = SimpleNamespace(
        VOLUME="nsm-checkpoints",
        ModalVolume=lambda: SimpleNamespace(commit=lambda: committed.append("nsm-checkpoints")),
    )
    monkeypatch.setenv(CONTAINER, "ta-1")
    monkeypatch.setitem(sys.modules, "nsm.cloud.modal_platform", platform)  # type: ignore[arg-type]
    assert "Committed the volume nsm-checkpoints" in commit_volume(Path("/"))  # which is a mount everywhere
    assert committed == ["nsm-checkpoints"]


def test_without_the_package_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONTAINER, "ta-1")
    monkeypatch.delitem(sys.modules, "nsm.cloud.modal_platform", raising=False)
    monkeypatch.setitem(sys.modules, "modal", None)
    with pytest.raises(NSMError, match="pip install modal"):
        commit_volume(Path("/"))
