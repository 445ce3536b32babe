"""A damaged folder is noticed when it is opened, and the message says what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nsm.data.packed import PackedGraphs
from nsm.errors import DataError


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-9] ^= 1
    file.write_bytes(content)


def _changed(**entries: object) -> Callable[[Path], None]:
    return lambda file: _write(file, json.loads(file.read_text()) | entries)


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("head.npy", Path.unlink, "cannot be read: No such file"),
        ("head.npy", _truncate, "expected the SHA-256"),
        ("label.npy", _flip, "expected the SHA-256"),
        ("sources.parquet", _flip, "expected the SHA-256"),
        ("evidence/id.npy", _truncate, "expected the SHA-256"),
        ("names.parquet", Path.unlink, "cannot be read: No such file"),
        ("meta.json", Path.unlink, "cannot be read"),
        ("meta.json", lambda file: file.write_text('{"format"'), "is not JSON"),
        ("meta.json", _changed(format=99), "expected the format version"),
        ("meta.json", _changed(files=3), "has no list of files"),
        ("meta.json", _changed(schema={}), "an entry is missing or wrong"),
        ("meta.json", _changed(schema=[1]), "an entry is missing or wrong"),
        ("meta.json", _changed(counts={}), "an entry is missing or wrong: 'graphs'"),
    ],
)
def test_damage_is_noticed(
    odd_graphs: PackedGraphs, tmp_path: Path, name: str, damage: Callable[[Path], None], message: str
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(odd_graphs.folder, folder)
    assert len(PackedGraphs.open(folder)) == 64
    damage(folder / name)
    with pytest.raises(DataError, match=message) as caught:
        PackedGraphs.open(folder)
    assert caught.value.file == str(folder / name)
    assert f"delete the folder {folder}" in str(caught.value)


def test_an_unreadable_array_is_named(odd_graphs: PackedGraphs, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(odd_graphs.folder, folder)
    file = folder / "head.npy"
    file.write_bytes(bytes(file.stat().st_size))  # the right size, but nothing that numpy can read
    with pytest.raises(DataError, match=r"head\.npy"):
        PackedGraphs(folder).batch([0])  # damaged after it was opened
