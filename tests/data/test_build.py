"""A data set is built once, whole or not at all, and the same way everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from nsm.data.build import build_dataset, dataset_folder
from nsm.data.hashing import hash_graphs
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Sample
from nsm.errors import DataError
from tests.data.odd_source import ListSource, OddSource, odd_sample, permuted

ROOT = Path(__file__).resolve().parents[2]
CYCLE = 7  # odd_sample(7) is a cycle; adding 8 gives another one

BUILD = """
if __name__ == "__main__":  # a worker imports this script, and needs no torch
    import sys
    from pathlib import Path
    from nsm.data.build import build_dataset
    from tests.data.odd_source import OddSource
    build_dataset(OddSource(), Path(sys.argv[1]), workers=int(sys.argv[2]))
"""


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir())


def test_bytes_do_not_depend_on_hash_seed_or_workers(tmp_path: Path) -> None:
    contents = []
    for hash_seed, workers in (("1", "0"), ("2", "2")):
        cache = tmp_path / hash_seed
        environment = os.environ | {
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        script = tmp_path / "build.py"
        script.write_text(BUILD)
        command = [sys.executable, str(script), str(cache), workers]
        subprocess.run(command, env=environment, cwd=tmp_path, check=True)
        files = [path for path in sorted(cache.rglob("*")) if path.is_file()]
        contents.append({str(path.relative_to(cache)): path.read_bytes() for path in files})
    one, two = contents
    assert len(one) > 15
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_the_second_time_it_is_opened(tmp_path: Path) -> None:
    source = OddSource(calls=tmp_path / "calls")
    first = build_dataset(source, tmp_path / "cache")
    made = (tmp_path / "calls").stat().st_size
    again = build_dataset(source, tmp_path / "cache")
    assert (tmp_path / "calls").stat().st_size == made == 7
    assert first.folder == again.folder == dataset_folder(source, tmp_path / "cache")
    assert first.fingerprint == again.fingerprint


def test_another_key_seed_or_share_is_another_folder(tmp_path: Path) -> None:
    names = {dataset_folder(OddSource(), tmp_path).name, dataset_folder(OddSource(count=65), tmp_path).name}
    names |= {dataset_folder(OddSource(), tmp_path, seed=1).name}
    assert len(names) == 3
    assert all(name.startswith("odd-") for name in names)


def test_a_damaged_folder_is_built_again(tmp_path: Path) -> None:
    graphs = build_dataset(OddSource(), tmp_path)
    for name, damage in (("head.npy", Path.unlink), ("table.parquet", lambda file: file.write_bytes(b"PAR1"))):
        damage(graphs.folder / name)
        again = build_dataset(OddSource(), tmp_path)
        assert again.fingerprint == graphs.fingerprint
        assert (len(again.batch(range(64)).y), len(again.table)) == (64, 64)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_failing_shard_leaves_nothing(tmp_path: Path, workers: int) -> None:
    with pytest.raises(DataError, match=r"facts\.tsv:7: expected an integer \(correct it\)"):
        build_dataset(OddSource(fault="error"), tmp_path, workers=workers)
    assert left_in(tmp_path) == []


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        build_dataset(OddSource(fault="interrupt"), tmp_path)
    assert left_in(tmp_path) == []


def test_what_a_killed_build_left_is_cleared(tmp_path: Path) -> None:
    folder = dataset_folder(OddSource(), tmp_path)
    left = folder.with_name(f"{folder.name}.building") / "parts"
    left.mkdir(parents=True)
    (left / "part-000000.npz").write_bytes(b"half")
    build_dataset(OddSource(), tmp_path)
    assert left_in(tmp_path) == [folder.name]


def test_a_second_build_waits_for_the_first(tmp_path: Path) -> None:
    """The lock is held here as another process would hold it; the build goes on once it is released."""
    source = OddSource(calls=tmp_path / "calls")
    cache = tmp_path / "cache"
    cache.mkdir()
    folder = dataset_folder(source, cache)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"), thread_local=False)
    is_waiting = threading.Event()

    def watch(*step: int | str) -> None:
        if step[2] == "waiting for another process":
            is_waiting.set()

    lock.acquire()
    building = threading.Thread(target=build_dataset, args=(source, cache), kwargs={"progress": watch})
    building.start()
    assert is_waiting.wait(30)
    assert not (tmp_path / "calls").exists()
    lock.release()
    building.join(30)
    assert len(build_dataset(source, cache)) == 64
    assert (tmp_path / "calls").stat().st_size == 7


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="choose a folder that can be written") as caught:
        build_dataset(OddSource(), tmp_path / "file" / "cache")
    assert caught.value.file == str(tmp_path / "file" / "cache")


def test_shares_and_strata(tmp_path: Path) -> None:
    graphs = build_dataset(OddSource(count=400), tmp_path)
    splits = [graphs.subset(name) for name in ("train", "val", "test")]
    assert [len(view) for view in splits] == [240, 80, 80]
    assert graphs.meta["splits"] == {"train": 240, "val": 80, "test": 80}
    owners = [set(view.groups.tolist()) for view in splits]
    assert not (owners[0] & owners[1] or owners[0] & owners[2] or owners[1] & owners[2])
    for view, share in zip(splits, OddSource.split_shares, strict=True):
        counts = np.unique(view.table["family"].to_pylist(), return_counts=True)[1]
        assert np.abs(counts - 50 * share).max() <= 2


def _relabelled(sample: Sample, group: str, label: int) -> Sample:
    return replace(permuted(sample, np.random.default_rng(0)), group=group, label=label)


def test_of_equal_samples_one_stays_and_a_pair_stays_or_goes_whole(tmp_path: Path) -> None:
    """Every group holds a copy of one sample under permuted nodes, paired with a sample of its own."""
    shared = odd_sample(CYCLE)
    own = [replace(odd_sample(CYCLE + 8 * i), group=f"g{i}", label=0) for i in range(1, 7)]
    copies = [_relabelled(shared, f"g{i}", 1) for i in range(1, 7)]
    graphs = build_dataset(ListSource((*own, *copies)), tmp_path / "single")
    assert len(graphs) == len(set(hash_graphs(graphs).tolist())) == 7
    assert graphs.meta["dropped"] == {"duplicates": 5, "contradictory": 0, "partners": 0}
    for number, sample in enumerate((*own, *copies)):
        sample.info = {"pair": f"p{number % 6}"}
    paired = build_dataset(ListSource((*own, *copies)), tmp_path / "paired")
    assert paired.table["pair"].to_pylist() == ["p0", "p0"]
    assert paired.meta["dropped"] == {"duplicates": 5, "contradictory": 0, "partners": 5}


def test_equal_samples_with_different_labels_are_dropped(tmp_path: Path) -> None:
    shared = odd_sample(CYCLE)
    others = [replace(odd_sample(CYCLE + 8 * i), group=f"g{i}", label=0) for i in range(1, 5)]
    pair = [_relabelled(shared, "g1", 0), _relabelled(shared, "g2", 1)]
    graphs = build_dataset(ListSource((*others, *pair)), tmp_path)
    assert graphs.meta["dropped"] == {"duplicates": 0, "contradictory": 2, "partners": 0}
    assert len(graphs) == 4


def test_pinned_splits_hold_and_the_test_sample_stays(tmp_path: Path) -> None:
    samples = [replace(odd_sample(CYCLE + 8 * i), group=f"g{i}") for i in range(4)]
    copy = replace(odd_sample(CYCLE), group="g9")
    for sample, split in zip((*samples, copy), ("train", "train", "val", "test", "test"), strict=True):
        sample.info = {"split": split}
    graphs = build_dataset(ListSource((*samples, copy)), tmp_path)
    assert list(zip(graphs.table["group"].to_pylist(), graphs.splits.tolist(), strict=True)) == [
        ("g1", 0),
        ("g2", 1),
        ("g3", 2),
        ("g9", 2),
    ]
    assert graphs.meta["dropped"]["duplicates"] == 1


def test_a_group_cannot_be_pinned_to_two_splits(tmp_path: Path) -> None:
    samples = [replace(odd_sample(CYCLE + 8 * i), group="torn") for i in range(2)]
    for sample, split in zip(samples, ("train", "test"), strict=True):
        sample.info = {"split": split}
    with pytest.raises(DataError, match="'torn' has samples in two splits"):
        build_dataset(ListSource(tuple(samples)), tmp_path)


def test_shards_must_have_the_same_columns(tmp_path: Path) -> None:
    samples = [replace(odd_sample(i), info=info) for i, info in enumerate(({"a": 1}, {"b": 1}))]
    with pytest.raises(DataError, match="different info columns"):
        build_dataset(ListSource(tuple(samples)), tmp_path)


def test_numbers_of_two_types_become_one_column(tmp_path: Path) -> None:
    samples = [replace(odd_sample(i), info={"a": a}) for i, a in enumerate((1, 0.5))]
    graphs = build_dataset(ListSource(tuple(samples)), tmp_path)
    assert graphs.table["a"].to_pylist() == [1.0, 0.5]


def test_a_source_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="graphs: 0 were made"):
        build_dataset(ListSource(()), tmp_path)
    pair = [_relabelled(odd_sample(CYCLE), "g1", 0), _relabelled(odd_sample(CYCLE), "g2", 1)]
    with pytest.raises(DataError, match="graphs: 2 were made, and each contradicts another"):
        build_dataset(ListSource(tuple(pair)), tmp_path)
    assert left_in(tmp_path) == []


def test_the_source_is_recorded(odd_graphs: PackedGraphs) -> None:
    meta = json.loads((odd_graphs.folder / "meta.json").read_text())
    assert meta["source"] == OddSource().key()
    assert meta["counts"]["graphs"] == 64
    assert "time" not in json.dumps(meta)
