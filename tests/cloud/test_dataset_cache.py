from __future__ import annotations

import os
from pathlib import Path

import pytest

from nsm.cloud.dataset_cache import DatasetCache, copy_whole, dataset_name
from nsm.config import Config


def fill(folder: Path, text: str = "made") -> None:
    (folder / "causal-1" / "evidence").mkdir(parents=True)
    (folder / "causal-1" / "evidence" / "ptr.npy").write_text(text)
    (folder / "causal-1.audit.json").write_text(text)


def test_data_come_from_the_volume_and_are_read_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSM_CACHE", "before")
    fill(tmp_path / "data")
    with DatasetCache(tmp_path, "causal-1"):
        here = Path(os.environ["NSM_CACHE"])
        assert not here.is_relative_to(tmp_path)
        assert (here / "causal-1" / "evidence" / "ptr.npy").read_text() == "made"
        assert (here / "causal-1.audit.json").is_file()
    assert os.environ["NSM_CACHE"] == "before" and not here.exists()


def test_data_that_are_made_are_kept_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NSM_CACHE", raising=False)

    def make() -> None:
        with DatasetCache(tmp_path, "causal-1"):
            fill(Path(os.environ["NSM_CACHE"]))
            (Path(os.environ["NSM_CACHE"]) / "kg-2").mkdir()  # not what was asked for
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make()
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["causal-1", "causal-1.audit.json"]
    assert "NSM_CACHE" not in os.environ


def test_what_is_kept_already_stays(tmp_path: Path) -> None:
    fill(tmp_path / "data", "old")
    with DatasetCache(tmp_path, "causal-1") as data:
        (Path(os.environ["NSM_CACHE"]) / "causal-1" / "evidence" / "ptr.npy").write_text("new")
        data.keep()
    assert (tmp_path / "data" / "causal-1" / "evidence" / "ptr.npy").read_text() == "old"


def test_a_copy_that_breaks_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "data")

    def break_off(_: Path, target: Path) -> None:
        Path(target).mkdir()
        raise OSError("the disk is full")

    monkeypatch.setattr("nsm.cloud.dataset_cache.shutil.copytree", break_off)
    with pytest.raises(OSError, match="disk is full"):
        copy_whole(tmp_path / "data" / "causal-1", tmp_path / "there" / "causal-1")
    assert list((tmp_path / "there").iterdir()) == []


def test_the_name_is_that_of_the_cache() -> None:
    name = dataset_name(Config.model_validate({"domain": "causal"}))
    assert name is not None and name.startswith("causal-")
