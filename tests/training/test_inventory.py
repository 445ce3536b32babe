"""Every checkpoint is found and named; pruning takes only what nobody needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from nsm.data.packed import PackedGraphs
from nsm.errors import CheckpointError, RunError
from nsm.runs import Run
from nsm.training.inventory import find_checkpoints, list_checkpoints, locate_checkpoint, plan_prune
from tests.training.toy_graphs import toy_trainer


@pytest.fixture
def run(graphs: PackedGraphs, tmp_path: Path) -> Run:
    """A finished run with numbered checkpoints of the epochs 1 to 4, and its best model promoted."""
    trainer = toy_trainer(graphs, tmp_path / "root", epochs=4, save_every=1)
    trainer.fit()
    trainer.run.config.write_text("[provenance]\nnsm = '0.1.0'\n")
    (tmp_path / "root" / "planning" / "best_model.pt").write_bytes(trainer.run.best.read_bytes())
    return trainer.run


def numbered(run: Run) -> list[str]:
    return sorted(path.name for path in run.folder.glob("checkpoint_epoch_*.pt"))


def test_every_kind_is_told(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "root"
    torch.save(torch.nn.Linear(2, 3).state_dict(), root / "planning" / "experiment_high_cycle_weight.pt")
    (run.folder / ".last.pt.0a1b2c").write_bytes(b"half")
    files = {file.path.relative_to(root).as_posix(): file for file in list_checkpoints(root)}
    place = f"planning/runs/{run.name}/"
    kinds = {name: file.kind for name, file in files.items()}
    assert kinds == {
        "planning/best_model.pt": "overall",
        "planning/experiment_high_cycle_weight.pt": "other",
        f"{place}best_model.pt": "best",
        f"{place}last.pt": "last",
        **{f"{place}checkpoint_epoch_000{epoch}.pt": "periodic" for epoch in (1, 2, 3, 4)},
    }
    last = files[f"{place}last.pt"]
    metrics = run.read_history()[-1]["metrics"]
    assert (last.epoch, last.val_acc, last.val_loss) == (4, metrics["val_acc"], metrics["val_loss"])
    assert (last.run, last.size, last.problem) == (run.name, run.last.stat().st_size, None)
    bare = files["planning/experiment_high_cycle_weight.pt"]
    assert (bare.run, bare.epoch, bare.val_acc, bare.problem) == (None, None, None, None)


def test_a_damaged_one_is_listed_with_its_problem(run: Run) -> None:
    run.best.write_bytes(run.best.read_bytes()[:500])
    (file,) = (file for file in list_checkpoints(run.folder) if file.kind == "best")
    assert file.problem is not None
    assert "damaged" in file.problem
    assert file.epoch is None


def test_what_is_no_file_is_passed_over(run: Run) -> None:
    (run.folder / "gone.pt").symlink_to("nowhere.pt")
    (run.folder / "folder.pt").mkdir()
    assert not {"gone.pt", "folder.pt"} & {path.name for path in find_checkpoints(run.folder)}


def test_the_age_is_that_of_the_file(run: Run) -> None:
    os.utime(run.last, (1000.0, 1000.0))
    told = next(file for file in list_checkpoints(run.folder) if file.kind == "last").to_json(now=1060.0)
    assert told["age"] == 60.0
    assert told["path"] == str(run.last)
    assert "modified" not in told


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        find_checkpoints(tmp_path / "nowhere")


def test_what_a_user_means(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    assert locate_checkpoint(str(run.last), tmp_path) == run.last
    assert locate_checkpoint(run.name, root) == run.best
    assert locate_checkpoint(f"{run.name}/last.pt", root) == run.last
    monkeypatch.chdir(run.folder)
    assert locate_checkpoint("last.pt", root).resolve() == run.last.resolve()
    with pytest.raises(CheckpointError, match="no checkpoint here") as caught:
        locate_checkpoint(f"{run.name}/checkpoint_epoch_0009.pt", root)
    assert "checkpoint_epoch_0004.pt" in str(caught.value.hint)
    with pytest.raises(RunError, match="no run is called 'nobody'"):
        locate_checkpoint("nobody/last.pt", root)


@pytest.mark.parametrize(("keep", "left"), [(0, []), (1, [4]), (3, [2, 3, 4]), (9, [1, 2, 3, 4])])
def test_the_latest_stay(run: Run, keep: int, left: list[int]) -> None:
    os.utime(run.epoch_checkpoint(1))  # it is the number that counts, not when it was copied
    plan = plan_prune(list_checkpoints(run.folder), keep)
    assert plan.freed == sum(file.path.stat().st_size for file in plan.removed)
    assert len(numbered(run)) == 4, "nothing is removed before it is carried out"
    plan.carry_out()
    assert numbered(run) == [f"checkpoint_epoch_{epoch:04d}.pt" for epoch in left]
    assert run.best.exists()
    assert run.last.exists()


def spoil(path: Path, how: str) -> Any:
    return path.unlink() if how == "missing" else path.write_bytes(b"")


@pytest.mark.parametrize("how", ["missing", "empty"])
@pytest.mark.parametrize("name", ["last.pt", "best_model.pt"])
def test_what_may_still_be_needed_is_spared(run: Run, name: str, how: str) -> None:
    spoil(run.folder / name, how)
    plan = plan_prune(list_checkpoints(run.folder), 1)
    assert list(plan.removed) == []
    assert name in plan.spared[run.folder]
