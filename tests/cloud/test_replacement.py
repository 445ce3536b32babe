from __future__ import annotations

from pathlib import Path

import pytest

from nsm.cloud.fetch_record import FetchRecord
from nsm.cloud.replacement import Plan, make_plan, remove_strays, require_places
from nsm.errors import RunError
from nsm.runs import Run
from tests.cloud.memory import MemoryStorage

RUN = "causal/runs/a"


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage({f"{RUN}/config.toml": b"lr = 1\n", f"{RUN}/history.jsonl": b"1\n2\n", f"{RUN}/last.pt": b"w"})


def planned(storage: MemoryStorage, root: Path, *, force: bool = False) -> Plan:
    return make_plan(storage, storage.files(""), root, FetchRecord(root), force=force)


def write(root: Path, **content: bytes) -> None:
    """Makes files of the run that did not come by a fetch."""
    (root / RUN).mkdir(parents=True, exist_ok=True)
    for name, value in content.items():
        place = {"config": "config.toml", "history": "history.jsonl", "last": "last.pt"}[name]
        (root / RUN / place).write_bytes(value)


@pytest.mark.parametrize("history", [b"1\n", b"1\n2\n"])
def test_an_earlier_state_of_the_run_is_replaced(storage: MemoryStorage, tmp_path: Path, history: bytes) -> None:
    write(tmp_path, config=b"lr = 1\n", history=history, last=b"v")
    plan = planned(storage, tmp_path)
    assert [file.path for file in plan.bring] == sorted(storage.content) and not plan.kept


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"config": b"lr = 2\n", "history": b"1\n"}, "config.toml is another one here"),
        ({"config": b"lr = 1\n", "history": b"1\n2\n3\n"}, "its 3 epochs here are not the first of the 2 epochs there"),
        ({"config": b"lr = 1\n", "history": b"2\n"}, "its 1 epoch here are not the first of the 2 epochs there"),
        ({"config": b"lr = 1\n", "last": b"v"}, "its 0 epochs here are not the first of the 2 epochs there"),
    ],
)
def test_another_run_is_refused_unless_by_force(
    storage: MemoryStorage, tmp_path: Path, content: dict[str, bytes], why: str
) -> None:
    write(tmp_path, **content)
    with pytest.raises(RunError, match=why) as caught:
        planned(storage, tmp_path)
    assert caught.value.file == str(tmp_path / RUN) and "--force" in str(caught.value.hint)
    assert planned(storage, tmp_path, force=True).replaced == [RUN]


def test_by_force_an_earlier_state_loses_what_is_only_here(tmp_path: Path) -> None:
    run = Run(tmp_path / RUN)
    (run.folder / "tb").mkdir(parents=True)
    for path in (run.config, run.last, run.tensorboard / "old", run.lock):
        path.touch()
    remove_strays(run, [run.config])
    assert [path.name for path in sorted(run.folder.rglob("*")) if path.is_file()] == [".lock", "config.toml"]


def test_a_file_of_no_run_that_was_changed_here_stays(tmp_path: Path) -> None:
    storage = MemoryStorage({"data/a.audit.json": b"{}", "causal/best_model.pt": b"there"})
    for name in storage.content:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"here")
    plan = planned(storage, tmp_path)
    assert plan.kept == ["data/a.audit.json"]
    assert [file.path for file in plan.bring] == ["causal/best_model.pt"]  # to be compared


def test_places_are_looked_at_first(storage: MemoryStorage, tmp_path: Path) -> None:
    require_places(storage.files(""), tmp_path)
    (tmp_path / RUN / "last.pt").mkdir(parents=True)
    with pytest.raises(RunError, match="expected a file, came a folder"):
        require_places(storage.files(""), tmp_path)
