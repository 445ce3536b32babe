from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import pytest

from nsm import pipeline
from nsm.cloud.checksums import sums_file, write_sums
from nsm.cloud.fetching import Progress, fetch
from nsm.config import Config
from nsm.errors import CheckpointError, DataError, RunError
from nsm.runs import Run, exclusive
from nsm.training.checkpoints import load_checkpoint, save_checkpoint
from tests.cloud.memory import MemoryStorage
from tests.pipeline.conftest import _toy_domain, toy_config

__all__ = ["_toy_domain", "toy_config"]


@pytest.fixture(scope="module")
def far(toy_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a container has left on the volume: a run, its best model, its data."""
    root = tmp_path_factory.mktemp("far")
    config = toy_config.model_copy(update={"root": root, "run": "night", "cache": None})
    pipeline.evaluate(pipeline.train(config, quiet=True).run, root=root, quiet=True)
    return root


@pytest.fixture
def storage(far: Path) -> MemoryStorage:
    files = {path.relative_to(far).as_posix(): path for path in far.rglob("*") if path.is_file()}
    return MemoryStorage(
        {name: path.read_bytes() for name, path in files.items()},
        {name: int(path.stat().st_mtime) for name, path in files.items()},
    )


def here(root: Path) -> list[str]:
    found = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return [name for name in found if name != ".fetched.jsonl"]


def test_what_comes_home_is_a_root_like_any_other(storage: MemoryStorage, tmp_path: Path) -> None:
    done = fetch(storage, tmp_path, "night")
    assert done.runs == [str(tmp_path / "planning" / "runs" / "night")]
    assert done.files == len(here(tmp_path)) and done.bytes > 10_000
    run = Run(tmp_path / "planning" / "runs" / "night")
    assert pipeline.evaluate(run, root=tmp_path, quiet=True).accuracy >= 0
    assert pipeline.compare(root=tmp_path).rows
    assert not [name for name in here(tmp_path) if "/." in f"/{name}"]


def test_what_is_here_already_is_left_alone(storage: MemoryStorage, tmp_path: Path) -> None:
    first = fetch(storage, tmp_path)
    storage.read_paths.clear()
    again = fetch(storage, tmp_path)
    assert (again.files, again.skipped) == (0, first.files - len([n for n in here(tmp_path) if _is_data(n)]))
    assert storage.read_paths == ["planning/runs/night/config.toml"]  # to learn which data belong to it
    name = "planning/runs/night/history.jsonl"
    storage.content[name] += b"\n"
    assert fetch(storage, tmp_path).files == 1
    assert (tmp_path / name).read_bytes() == storage.content[name]


def _is_data(name: str) -> bool:
    return name.startswith("data/") and name.count("/") > 1


def test_a_damaged_checkpoint_comes_again(storage: MemoryStorage, tmp_path: Path) -> None:
    name = "planning/runs/night/last.pt"
    whole = storage.content[name]
    told: list[str] = []

    class Telling(Progress):
        def retry(self, path: str, why: str) -> None:
            told.append(f"{path}: {why}")

    storage.spoilt[name] = [whole[:-100], whole[:500] + bytes([whole[500] ^ 1]) + whole[501:]]
    fetch(storage, tmp_path, progress=Telling())
    assert load_checkpoint(tmp_path / name)["epoch"] == 2
    assert told[0] == f"{name}: expected {len(whole)} bytes, got {len(whole) - 100}"
    assert len(told) == 2 and told[1].startswith(f"{name}: the checkpoint is damaged")


def test_one_that_stays_damaged_leaves_the_old_one(storage: MemoryStorage, tmp_path: Path) -> None:
    name = "planning/runs/night/last.pt"
    fetch(storage, tmp_path)
    before = (tmp_path / name).read_bytes()
    storage.content[name] = before[:-100]
    with pytest.raises(CheckpointError, match="it came damaged 3 times") as caught:
        fetch(storage, tmp_path)
    assert caught.value.file == name
    assert (tmp_path / name).read_bytes() == before


def test_data_that_do_not_fit_their_hashes_are_refused(storage: MemoryStorage, tmp_path: Path) -> None:
    name = next(name for name in storage.content if name.endswith("/label.npy"))
    storage.content[name] = storage.content[name][:-8] + b"\1" * 8
    with pytest.raises(DataError, match="the data set came damaged"):
        fetch(storage, tmp_path)
    assert not [path for path in (tmp_path / "data").iterdir() if path.is_dir()]


def test_a_fetch_that_breaks_off_leaves_nothing_half_and_goes_on(storage: MemoryStorage, tmp_path: Path) -> None:
    class Breaking(MemoryStorage):
        def read(self, path: str, stream: IO[bytes], advance=None) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
            if path.endswith("last.pt"):
                stream.write(self.content[path][:1000])
                raise KeyboardInterrupt
            super().read(path, stream, advance)

    with pytest.raises(KeyboardInterrupt):
        fetch(Breaking(storage.content, storage.modified), tmp_path)
    arrived = here(tmp_path)
    assert "planning/runs/night/last.pt" not in arrived and not (tmp_path / ".fetch").exists()
    assert all((tmp_path / name).read_bytes() == storage.content[name] for name in arrived)
    (tmp_path / ".fetch").mkdir()  # of one that was killed
    assert fetch(storage, tmp_path).skipped == len(arrived)
    assert not (tmp_path / ".fetch").exists()


def test_a_run_that_is_trained_here_is_not_touched(storage: MemoryStorage, tmp_path: Path) -> None:
    run = Run(tmp_path / "planning" / "runs" / "night")
    run.folder.mkdir(parents=True)
    with exclusive(run), pytest.raises(RunError, match=f"is being trained by process {os.getpid()}"):
        fetch(storage, tmp_path)
    assert here(tmp_path) == [] and storage.read_paths == []


def test_without_data(storage: MemoryStorage, tmp_path: Path) -> None:
    fetch(storage, tmp_path, "planning", with_data=False)
    assert not (tmp_path / "data").exists() and (tmp_path / "planning" / "runs" / "night" / "best_model.pt").is_file()


NIGHT = "planning/runs/night"


def changed(storage: MemoryStorage, name: str, content: bytes) -> None:
    """Writes a file on the volume once more, later."""
    storage.content[name] = content
    storage.modified[name] = storage.modified.get(name, 1) + 10


def test_what_was_changed_here_and_not_there_stays(storage: MemoryStorage, tmp_path: Path) -> None:
    fetch(storage, tmp_path)
    history = tmp_path / NIGHT / "history.jsonl"
    longer = history.read_bytes() + b"{}\n"
    history.write_bytes(longer)
    again = fetch(storage, tmp_path)
    assert (again.files, again.kept, history.read_bytes()) == (0, [NIGHT], longer)


def test_a_run_that_went_on_here_and_there_is_not_mixed(storage: MemoryStorage, tmp_path: Path) -> None:
    fetch(storage, tmp_path)
    history, last = (tmp_path / NIGHT / name for name in ("history.jsonl", "last.pt"))
    history.write_bytes(history.read_bytes() + b"{}\n")
    changed(storage, f"{NIGHT}/last.pt", storage.content[f"{NIGHT}/best_model.pt"])
    before = {path: path.read_bytes() for path in (history, last)}
    with pytest.raises(RunError, match=r"history\.jsonl was changed here since it was fetched \(--force") as caught:
        fetch(storage, tmp_path)
    assert caught.value.file == str(tmp_path / NIGHT)
    assert {path: path.read_bytes() for path in before} == before


def test_by_force_the_run_here_is_the_one_of_the_volume_and_nothing_else(
    storage: MemoryStorage, tmp_path: Path
) -> None:
    other = Run(tmp_path / NIGHT)
    other.folder.mkdir(parents=True)
    other.config.write_text("epochs = 9\n")
    other.epoch_checkpoint(9).write_bytes(b"of another run")
    with pytest.raises(RunError, match=r"config\.toml is another one here"):
        fetch(storage, tmp_path)
    assert here(tmp_path) == [f"{NIGHT}/checkpoint_epoch_0009.pt", f"{NIGHT}/config.toml"]
    fetch(storage, tmp_path, force=True)
    assert {name for name in here(tmp_path) if name.startswith(NIGHT)} == {
        name for name in storage.content if name.startswith(NIGHT)
    }
    assert other.config.read_bytes() == storage.content[f"{NIGHT}/config.toml"]


def test_a_run_that_went_on_there_comes_again(storage: MemoryStorage, tmp_path: Path) -> None:
    fetch(storage, tmp_path)
    name = f"{NIGHT}/history.jsonl"
    changed(storage, name, storage.content[name] + b"{}\n")
    assert fetch(storage, tmp_path).files == 1
    assert (tmp_path / name).read_bytes() == storage.content[name]


def test_a_run_that_begins_here_meanwhile_is_not_touched(storage: MemoryStorage, tmp_path: Path) -> None:
    class Meanwhile(MemoryStorage):
        def read(self, path: str, stream: IO[bytes], advance=None) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
            super().read(path, stream, advance)
            if path == f"{NIGHT}/history.jsonl":
                (tmp_path / NIGHT).mkdir(parents=True, exist_ok=True)
                (tmp_path / path).write_bytes(b"{}\n")

    with pytest.raises(RunError, match="it was changed while it was fetched"):
        fetch(Meanwhile(storage.content, storage.modified), tmp_path)
    assert (tmp_path / NIGHT / "history.jsonl").read_bytes() == b"{}\n"


def best_of(storage: MemoryStorage) -> str:
    return next(name for name in storage.content if name.endswith("best_model.pt") and "/runs/" not in name)


@pytest.mark.parametrize(("accuracy", "is_kept"), [(2.0, True), (-1.0, False)])
def test_of_two_best_models_the_better_one_stays(
    storage: MemoryStorage, tmp_path: Path, accuracy: float, is_kept: bool
) -> None:
    name = best_of(storage)
    place = tmp_path / name
    place.parent.mkdir(parents=True)
    place.write_bytes(storage.content[name])
    save_checkpoint(place, {**load_checkpoint(place), "val_acc": accuracy})
    done = fetch(storage, tmp_path)
    assert done.kept == ([name] if is_kept else [])
    assert (load_checkpoint(place)["val_acc"] == accuracy) is is_kept
    storage.read_paths.clear()
    assert fetch(storage, tmp_path).kept == done.kept  # compared once
    assert name not in storage.read_paths


def test_a_best_model_of_other_data_stays_only_if_it_was_made_here(storage: MemoryStorage, tmp_path: Path) -> None:
    name = best_of(storage)
    place = tmp_path / name
    fetch(storage, tmp_path, with_data=False)
    ours = load_checkpoint(place)
    save_checkpoint(tmp_path / "other.pt", {**ours, "data_fingerprint": "of other data", "val_acc": -1.0})
    changed(storage, name, (tmp_path / "other.pt").read_bytes())
    assert fetch(storage, tmp_path, with_data=False).kept == []
    assert load_checkpoint(place)["data_fingerprint"] == "of other data"
    save_checkpoint(place, ours)
    changed(storage, name, storage.content[name])
    assert fetch(storage, tmp_path, with_data=False).kept == [name]
    assert load_checkpoint(place)["data_fingerprint"] == ours["data_fingerprint"]


@pytest.mark.parametrize("part", ["history.jsonl", "predictions.parquet", "config.toml", "final_results.json"])
def test_a_flipped_byte_is_seen_by_the_sums_of_the_container(
    storage: MemoryStorage, far: Path, tmp_path: Path, part: str
) -> None:
    write_sums(far, Run(far / NIGHT))
    sums = sums_file(NIGHT)
    storage.content[sums], storage.modified[sums] = (far / sums).read_bytes(), int((far / sums).stat().st_mtime)
    name = f"{NIGHT}/{part}"
    whole = storage.content[name]
    storage.content[name] = whole[:20] + bytes([whole[20] ^ 1]) + whole[21:]
    with pytest.raises(DataError, match="it came damaged 3 times: expected the SHA-256"):
        fetch(storage, tmp_path, with_data=False)
    assert not (tmp_path / name).exists()
    storage.content[name] = whole
    assert fetch(storage, tmp_path, with_data=False).files
    assert not (tmp_path / "launches").exists()


def test_a_file_that_comes_short_comes_again(storage: MemoryStorage, tmp_path: Path) -> None:
    name = f"{NIGHT}/history.jsonl"
    storage.spoilt[name] = [storage.content[name][:-5]]
    fetch(storage, tmp_path, with_data=False)
    assert (tmp_path / name).read_bytes() == storage.content[name]


def test_a_file_that_is_written_anew_meanwhile_comes_as_it_is_then(storage: MemoryStorage, tmp_path: Path) -> None:
    name = f"{NIGHT}/history.jsonl"

    class Growing(MemoryStorage):
        def read(self, path: str, stream: IO[bytes], advance=None) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
            if path == name and path not in self.read_paths:
                changed(self, path, self.content[path] + b"{}\n")
            super().read(path, stream, advance)

    growing = Growing(dict(storage.content), dict(storage.modified))
    fetch(growing, tmp_path, with_data=False)
    assert (tmp_path / name).read_bytes() == growing.content[name] != storage.content[name]
    assert fetch(growing, tmp_path, with_data=False).files == 0


def test_a_damaged_data_set_here_is_fetched_again(storage: MemoryStorage, tmp_path: Path) -> None:
    fetch(storage, tmp_path)
    name = next(name for name in storage.content if name.endswith("/label.npy"))
    (tmp_path / name).write_bytes(storage.content[name][:-8] + b"\1" * 8)
    fetch(storage, tmp_path)
    assert (tmp_path / name).read_bytes() == storage.content[name]
    assert sorted(path.name for path in (tmp_path / "data").iterdir() if path.is_dir()) == [name.split("/")[1]]


def test_a_file_where_a_folder_belongs_is_named(storage: MemoryStorage, tmp_path: Path) -> None:
    (tmp_path / "planning").write_bytes(b"of a client that failed")
    with pytest.raises(RunError, match=r"expected a folder, came a file .*delete it") as caught:
        fetch(storage, tmp_path)
    assert caught.value.file == str(tmp_path / "planning") and storage.read_paths == []
