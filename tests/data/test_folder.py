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


def _other_format(file: Path) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 99}))


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("head.npy", Path.unlink, "is missing"),
        ("head.npy", _truncate, "bytes, got"),
        ("evidence/id.npy", _truncate, "bytes, got"),
        ("names.parquet", Path.unlink, "is missing"),
        ("meta.json", Path.unlink, "cannot be read"),
        ("meta.json", lambda file: file.write_text('{"format"'), "is not JSON"),
        ("meta.json", _other_format, "expected the format version"),
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
        PackedGraphs.open(folder).batch([0])
