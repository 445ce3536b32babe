from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import pytest

from nsm import pipeline
from nsm.cloud.fetching import Progress, choose, fetch
from nsm.cloud.storage import RemoteFile
from nsm.config import Config
from nsm.errors import CheckpointError, DataError, RunError
from nsm.runs import Run, exclusive
from nsm.training.checkpoints import load_checkpoint
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
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


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
    assert len(told) == 2 and all(line.startswith(f"{name}: the checkpoint is damaged") for line in told)


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
    assert here(tmp_path) == []


def test_without_data(storage: MemoryStorage, tmp_path: Path) -> None:
    fetch(storage, tmp_path, "planning", with_data=False)
    assert not (tmp_path / "data").exists() and (tmp_path / "planning" / "runs" / "night" / "best_model.pt").is_file()


FILES = [
    RemoteFile(path, 1, 1)
    for path in (
        *("causal/best_model.pt", "causal/runs/a/last.pt", "causal/runs/a/.lock", "causal/runs/a/stop"),
        *("causal/runs/b/last.pt", "kg/runs/a/last.pt", "kg/runs/.background/x/train.log"),
        *("data/causal-1/meta.json", "launches/a.json", "note.txt"),
    )
]


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        (None, ["causal/best_model.pt", "causal/runs/a/last.pt", "causal/runs/b/last.pt", "kg/runs/a/last.pt"]),
        ("causal", ["causal/best_model.pt", "causal/runs/a/last.pt", "causal/runs/b/last.pt"]),
        ("a", ["causal/runs/a/last.pt", "kg/runs/a/last.pt"]),
        ("kg/runs/a", ["kg/runs/a/last.pt"]),
        ("kg/runs/a/", ["kg/runs/a/last.pt"]),
    ],
)
def test_what_belongs_to_a_domain_or_a_run(target: str | None, wanted: list[str]) -> None:
    assert [file.path for file in choose(FILES, target)] == wanted


def test_what_is_not_there_names_what_is() -> None:
    with pytest.raises(RunError, match=r"nothing called 'c' \(there are causal, kg; the latest runs: a, b\)"):
        choose(FILES, "c")
    with pytest.raises(RunError, match="nothing called 'planning/runs/a'"):
        choose(FILES, "planning/runs/a")
    with pytest.raises(RunError, match="it is empty"):
        choose([], None)
