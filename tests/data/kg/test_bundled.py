"""The graphs inside PyKEEN's distribution, which is found but never imported."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from nsm.data.kg.bundled import bundled_files
from nsm.errors import DataError

SIZES = {"nations": (1592, 199, 201), "umls": (5216, 652, 661), "kinships": (8544, 1068, 1074)}


@pytest.mark.needs_pykeen
@pytest.mark.parametrize("name", sorted(SIZES))
def test_the_files_are_there(name: str) -> None:
    counts = [len(file.read_text(encoding="utf-8").splitlines()) for file in bundled_files(name).values()]
    assert tuple(counts) == SIZES[name]


@pytest.mark.needs_pykeen
def test_pykeen_is_not_imported() -> None:
    code = (
        "import sys; from nsm.data.kg.bundled import bundled_files; from nsm.data.kg.reading import read_graph; "
        "read_graph(bundled_files('nations'), 'nations'); print('pykeen' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_pykeen(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    with pytest.raises(DataError, match="'umls' comes with pykeen, which is not installed") as caught:
        bundled_files("umls")
    assert "--graph" in str(caught.value.hint)


def test_a_distribution_without_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    class Listed:
        def as_posix(self) -> str:
            return "pykeen/datasets/umls/train.txt"

        def locate(self) -> Path:
            return Path("nowhere")

    monkeypatch.setattr(metadata, "files", lambda _: [Listed()])
    with pytest.raises(DataError, match="no files of 'umls' for train, valid, test"):
        bundled_files("umls")
