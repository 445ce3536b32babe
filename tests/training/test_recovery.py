"""Going on: the newest whole checkpoint, the history cut back to it, and the best model of that time."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from nsm.config.settings import KgConfig, PlanningConfig
from nsm.data.packed import PackedGraphs
from nsm.errors import CheckpointError
from nsm.training import Trainer
from nsm.training.checkpoints import load_checkpoint, save_checkpoint
from nsm.training.recovery import newest_checkpoint, recover, require_same_training
from tests.training.test_state import same
from tests.training.test_trainer import AtStep, Notices, request_stop
from tests.training.toy_graphs import SMALL, continued, toy_graphs, toy_trainer

HOW: dict[str, Any] = {"epochs": 4, "dropout": 0.2, "cycle_every": 2, "save_every": 1, "average_share": 0.25}


class Killed(BaseException):
    """What a test raises where a process would die: nothing after it is written."""


def killed(graphs: PackedGraphs, root: Path, step: int, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Trainer:
    """A training that ended at a step without any of its last words."""

    def die(_: Trainer) -> None:
        raise Killed

    trainer = toy_trainer(graphs, root, AtStep(step, die), **(HOW | changes))
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_finish", lambda _: None)
        with pytest.raises(Killed):
            trainer.fit()
    return trainer


@pytest.fixture(scope="module")
def whole(graphs: PackedGraphs, tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    """The training that nobody disturbed."""
    trainer = toy_trainer(graphs, tmp_path_factory.mktemp("whole"), **HOW)
    trainer.fit()
    return trainer


def assert_equal_to(whole: Trainer, other: Trainer) -> None:
    assert other.history == whole.history
    for name in ("best", "last"):
        one, two = (load_checkpoint(getattr(trainer.run, name)) for trainer in (other, whole))
        assert [key for key in two if key not in ("resources", "config") and not same(one[key], two[key])] == []
    lines = [[line | {"resources": {}} for line in trainer.run.read_history()] for trainer in (other, whole)]
    assert lines[0] == lines[1]
    assert all(line["resources"]["seconds"] > 0 for line in other.run.read_history())


@pytest.mark.parametrize("step", [1, 5, 6, 13, 20])
def test_a_killed_training_goes_on_to_the_same_end(
    graphs: PackedGraphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Trainer, step: int
) -> None:
    trainer = killed(graphs, tmp_path, step, monkeypatch, save_minutes=1e-9 if step == 13 else 0)
    if not trainer.run.folder.exists():  # killed before there was anything to go on with: a process leaves its folder
        trainer.run.folder.mkdir()
    again = continued(graphs, trainer)
    torch.rand(3)  # what the generators did in between must not matter
    random.random()
    again.fit()
    assert_equal_to(whole, again)


def test_with_other_workers_and_a_loader_that_works_ahead(
    graphs: PackedGraphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Trainer
) -> None:
    again = continued(graphs, killed(graphs, tmp_path, 13, monkeypatch, save_minutes=1e-9), workers=3)
    again.train_loader.prefetch = True
    again.fit()
    assert_equal_to(whole, again)


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    at = len(content) // 2
    path.write_bytes(
        {
            "empty": b"",
            "cut off": content[:at],
            "bit": content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :],
        }[how]
    )


@pytest.mark.parametrize("how", ["empty", "cut off", "bit"])
def test_a_damaged_file_is_named_and_the_one_before_is_used(
    graphs: PackedGraphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Trainer, how: str
) -> None:
    trainer = killed(graphs, tmp_path, 13, monkeypatch)
    damage(trainer.run.last, how)
    notices = Notices()
    again = continued(graphs, trainer, notices)
    again.fit()
    assert notices.texts[0].startswith(f"{trainer.run.last}: the checkpoint is damaged")
    assert "of epoch 2" in notices.texts[1]
    assert_equal_to(whole, again)


def test_when_all_are_damaged_nothing_is_changed(
    graphs: PackedGraphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = killed(graphs, tmp_path, 13, monkeypatch)
    for path in trainer.run.checkpoints:
        damage(path, "bit")
    before = {path: path.read_bytes() for path in trainer.run.folder.iterdir()}
    with pytest.raises(CheckpointError, match="no checkpoint of the run is whole"):
        continued(graphs, trainer).fit()
    assert {path: path.read_bytes() for path in trainer.run.folder.iterdir()} == before


def test_the_only_one_is_damaged(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, AtStep(2, request_stop))
    trainer.fit()
    damage(trainer.run.last, "cut off")
    with pytest.raises(CheckpointError, match="the checkpoint is damaged") as caught:
        continued(graphs, trainer).fit()
    assert caught.value.file == str(trainer.run.last)


def test_the_history_is_cut_back(graphs: PackedGraphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = killed(graphs, tmp_path, 13, monkeypatch)
    seconds = [line["resources"]["seconds"] for line in trainer.run.read_history()]
    trainer.run.append_history({"epoch": 3, "step": 15, "metrics": {}, "is_best": False, "alarms": [], "resources": {}})
    with trainer.run.history.open("a") as stream:
        stream.write('{"epoch": 4, "st')
    (trainer.run.folder / ".last.pt.0123abcd").touch()
    again = continued(graphs, trainer)
    recover(again)
    assert [line["epoch"] for line in trainer.run.read_history()] == [1, 2]
    assert [line["resources"]["seconds"] for line in trainer.run.read_history()] == seconds
    assert json.loads(trainer.run.history.read_text().splitlines()[0])["epoch"] == 1
    assert not (trainer.run.folder / ".last.pt.0123abcd").exists()


def test_the_best_model_is_that_of_the_time(
    graphs: PackedGraphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Trainer
) -> None:
    """Killed between two files, or with a damaged one, the best model is made again from another that has it."""
    trainer = killed(graphs, tmp_path, 13, monkeypatch)
    best_epoch = load_checkpoint(trainer.run.last)["position"]["best_epoch"]
    for spoil in (lambda path: damage(path, "bit"), Path.unlink, lambda path: save_other_epoch(path)):
        spoil(trainer.run.best)
        recover(continued(graphs, trainer))
        assert load_checkpoint(trainer.run.best)["epoch"] == best_epoch
    again = continued(graphs, trainer)
    again.fit()
    assert_equal_to(whole, again)


def save_other_epoch(path: Path) -> None:
    save_checkpoint(path, {**load_checkpoint(path), "epoch": 99})


def test_a_run_that_cannot_go_on_is_not_thrown_away(graphs: PackedGraphs, tmp_path: Path) -> None:
    """Only its best model is left, and the code of the model has changed."""
    trainer = toy_trainer(graphs, tmp_path)
    trainer.fit()
    for path in (trainer.run.last, trainer.run.history, *trainer.run.folder.glob("checkpoint_*")):
        path.unlink()
    checkpoint = load_checkpoint(trainer.run.best)
    checkpoint["model_state_dict"] = {"other": torch.zeros(1)}
    save_checkpoint(trainer.run.best, checkpoint)
    with pytest.raises(CheckpointError, match="for another model"):
        continued(graphs, trainer).fit()
    assert load_checkpoint(trainer.run.best)["epoch"] == checkpoint["epoch"]


def test_parts_of_a_batch_are_those_of_now(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, AtStep(7, request_stop), accumulate=4)
    trainer.fit()
    assert trainer.micro.size == 4
    again = continued(graphs, trainer, accumulate=1)
    again.fit()
    assert again.micro.size == 0


def test_half_a_line_of_the_history_is_taken_away(graphs: PackedGraphs, tmp_path: Path) -> None:
    """A process that died while it wrote a line left a part of it, after all that the checkpoint knows."""
    trainer = toy_trainer(graphs, tmp_path)
    trainer.fit()
    with trainer.run.history.open("a") as stream:
        stream.write('{"epoch": 4, "st')
    continued(graphs, trainer, epochs=4).fit()
    assert [line["epoch"] for line in trainer.run.read_history()] == [1, 2, 3, 4]


def test_a_best_model_that_is_lost_is_told(
    graphs: PackedGraphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = killed(graphs, tmp_path, 13, monkeypatch, save_every=100, save_minutes=1e-9)
    trainer.run.best.unlink()
    notices = Notices()
    again = continued(graphs, trainer, notices)
    result = again.fit()
    assert any("is lost" in text for text in notices.texts)
    assert result.best_epoch is not None and result.best_epoch > 2
    assert load_checkpoint(trainer.run.best)["epoch"] == result.best_epoch


def test_other_data_and_another_configuration_are_refused(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path / "one", AtStep(7, request_stop))
    trainer.fit()
    others = toy_graphs(tmp_path, count=100)
    with pytest.raises(CheckpointError, match="the data are others: expected the fingerprint"):
        continued(others, trainer).fit()
    with pytest.raises(
        CheckpointError, match=r"configuration has changed: learning_rate from 0\.004 to 0\.1"
    ) as caught:
        continued(graphs, trainer, learning_rate=0.1).fit()
    assert "workers" in str(caught.value.hint)
    with pytest.raises(CheckpointError, match="channels from 8 to 12"):
        continued(graphs, trainer, channels=12).fit()
    with pytest.raises(CheckpointError, match=r"planning\.max_length from 24 to 9"):
        continued(graphs, trainer, planning=PlanningConfig(max_length=9)).fit()
    assert continued(graphs, trainer, kg=KgConfig(hops=3), epochs=4, accumulate=2, keep=1).fit().epochs == 4


def test_a_folder_that_was_moved_is_not_another_configuration(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path / "one", AtStep(7, request_stop), planning=PlanningConfig(pddl=tmp_path))
    trainer.fit()
    with pytest.raises(CheckpointError, match=r"planning\.pddl from .* to None"):
        continued(graphs, trainer, planning=PlanningConfig()).fit()
    moved = continued(graphs, trainer, planning=PlanningConfig(pddl=tmp_path / "two"))
    assert moved.fit().epochs == SMALL.epochs


def test_another_format_is_refused(graphs: PackedGraphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = toy_trainer(graphs, tmp_path)
    trainer.fit()
    monkeypatch.setattr("nsm.training.checkpoints.FORMAT_VERSION", 99)
    with pytest.raises(CheckpointError, match="expected a checkpoint of format 99, got 2"):
        continued(graphs, trainer).fit()


def test_a_key_that_is_new_is_no_change(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, AtStep(2, request_stop))
    trainer.fit()
    checkpoint = load_checkpoint(trainer.run.last)
    del checkpoint["config"]["message_norm"]
    require_same_training(trainer.config, graphs.fingerprint, checkpoint, trainer.run.last)


def test_the_newest_is_the_furthest(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, **HOW)
    assert newest_checkpoint(trainer.run, print) is None
    trainer.fit()
    told: list[str] = []
    found = newest_checkpoint(trainer.run, told.append)
    assert found is not None and found[0] == trainer.run.last and told == []
    os.unlink(trainer.run.last)
    shutil.copyfile(trainer.run.epoch_checkpoint(1), trainer.run.epoch_checkpoint(9))
    found = newest_checkpoint(trainer.run, told.append)
    assert found is not None and found[1]["epoch"] == 4
    assert told == [f"going on from {found[0].name}, of epoch 4"]
