"""What is written piece by piece is what is written at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm.data.packed import PackedGraphs
from nsm.data.writing import ROWS_PER_GROUP, split_code, write_packed
from nsm.errors import DataError
from tests.data.odd_source import SCHEMA, odd_sample


def content(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def test_pieces_do_not_show(tmp_path: Path) -> None:
    samples = [odd_sample(number) for number in range(ROWS_PER_GROUP + 40)]
    write_packed(tmp_path / "whole", SCHEMA, samples)
    write_packed(tmp_path / "pieces", SCHEMA, iter(samples), chunk=7)
    whole, pieces = content(tmp_path / "whole"), content(tmp_path / "pieces")
    assert whole.keys() == pieces.keys()
    assert [name for name in whole if whole[name] != pieces[name]] == []
    graphs = PackedGraphs.open(tmp_path / "pieces")
    last = ROWS_PER_GROUP + 39
    assert graphs.sample(last).names == odd_sample(last).names  # in the second row group
    assert graphs.sample(0).names == odd_sample(0).names


def test_samples_stay_as_they_are(tmp_path: Path) -> None:
    samples = [odd_sample(0), odd_sample(0), odd_sample(1)]
    for sample, split in zip(samples, ("train", "test", "val"), strict=True):
        sample.info = {"split": split}
    write_packed(tmp_path / "graphs", SCHEMA, samples)
    graphs = PackedGraphs.open(tmp_path / "graphs")
    assert graphs.splits.tolist() == [0, 2, 1]
    assert graphs.groups.tolist() == [0, 0, 0]
    assert graphs.meta["splits"] == {"train": 1, "val": 1, "test": 1}


def test_tie_keys_are_a_function_of_seed_and_place(tmp_path: Path) -> None:
    samples = [odd_sample(number) for number in range(64)]
    keys = []
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_packed(tmp_path / folder, SCHEMA, samples, seed=seed)
        keys.append(PackedGraphs.open(tmp_path / folder).batch(range(64)).tie_key)
    assert keys[0].equal(keys[1])
    assert not keys[0].equal(keys[2])
    assert len(keys[0].unique()) == len(keys[0])
    assert 0 <= int(keys[0].min()) <= int(keys[0].max()) < 2**31
    assert abs(float(keys[0].double().mean()) / 2**31 - 0.5) < 0.06


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    samples = [odd_sample(number) for number in range(8)]
    changed = [odd_sample(number) for number in range(8)]
    changed[7].confidence = changed[7].confidence * np.float32(0.5)
    prints = []
    for folder, which in (("a", samples), ("b", samples), ("c", changed)):
        write_packed(tmp_path / folder, SCHEMA, which)
        prints.append(PackedGraphs.open(tmp_path / folder).fingerprint)
    assert prints[0] == prints[1] != prints[2]


def test_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no samples"):
        write_packed(tmp_path / "none", SCHEMA, [])
    assert not (tmp_path / "none").exists()


def test_split_codes() -> None:
    assert [split_code(name) for name in ("train", "val", "test")] == [0, 1, 2]
    with pytest.raises(DataError, match="got 'valid'"):
        split_code("valid")
