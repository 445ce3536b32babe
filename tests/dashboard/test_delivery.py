from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import nsm
from nsm.dashboard import delivery
from nsm.dashboard.delivery import NAME, copy_notebook, delivered_notebook
from nsm.errors import RunError

ROOT = Path(__file__).resolve().parents[2]


def test_a_first_copy_is_that_of_the_clone(tmp_path: Path) -> None:
    copy = copy_notebook(tmp_path / "new")
    assert copy.is_new and not copy.is_edited
    assert copy.file.read_bytes() == (ROOT / "experiments" / NAME).read_bytes()


def test_outputs_are_no_edits(tmp_path: Path) -> None:
    file = copy_notebook(tmp_path).file
    content = json.loads(file.read_text())
    content["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["hello"]}]
    file.write_text(json.dumps(content))
    again = copy_notebook(tmp_path)
    assert (again.file, again.is_new, again.is_edited) == (file, False, False)
    assert "hello" in file.read_text()


def test_edits_are_kept_and_a_fresh_copy_lies_beside(tmp_path: Path) -> None:
    file = copy_notebook(tmp_path).file
    edited = file.read_text().replace("EPOCHS = None", "EPOCHS = 99")
    file.write_text(edited)
    again = copy_notebook(tmp_path)
    assert again.is_edited and not again.is_new and again.file == file
    fresh = [copy_notebook(tmp_path, is_fresh=True) for _ in range(2)]
    assert [copy.file.name for copy in fresh] == ["NSM_Training_Dashboard_2.ipynb", "NSM_Training_Dashboard_3.ipynb"]
    assert "EPOCHS = None" in fresh[1].file.read_text()
    assert file.read_text() == edited


def test_the_original_is_never_worked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = tmp_path / NAME
    original.write_text('{"cells": []}')
    monkeypatch.setattr(delivery, "delivered_notebook", lambda: original)
    copies = [copy_notebook(tmp_path) for _ in range(2)]
    assert {copy.file for copy in copies} == {tmp_path / "NSM_Training_Dashboard_2.ipynb"}
    assert [copy.is_new for copy in copies] == [True, False]
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / NAME).symlink_to(original)
    assert copy_notebook(linked).file == linked / "NSM_Training_Dashboard_2.ipynb"


def test_a_file_that_is_no_notebook_is_kept_too(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("not JSON")
    assert copy_notebook(tmp_path).is_edited
    assert (tmp_path / NAME).read_text() == "not JSON"


def test_a_folder_of_that_name_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(RunError, match="expected a notebook"):
        copy_notebook(tmp_path)


def test_pip_brings_the_very_same_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One source: the wheel is built from the file of the clone, and an installation finds it."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("nsm", "experiments"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    wheel = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)]
    subprocess.run([sys.executable, "-m", "pip", *wheel], check=True, capture_output=True)
    (file,) = tmp_path.glob("nsm-*.whl")
    installed = tmp_path / "site"
    with zipfile.ZipFile(file) as archive:
        (inside,) = (name for name in archive.namelist() if name.endswith(NAME))
        archive.extractall(installed)
    assert "/data/share/nsm/" in inside
    (distribution,) = metadata.distributions(name="nsm", path=[str(installed)])
    monkeypatch.setattr(nsm, "__file__", str(installed / "nsm" / "__init__.py"))
    monkeypatch.setattr(delivery.metadata, "files", lambda _: distribution.files)
    assert delivered_notebook() == (installed / inside).resolve()
    assert delivered_notebook().read_bytes() == (ROOT / "experiments" / NAME).read_bytes()
