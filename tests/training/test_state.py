"""The state of a training: whole, plain, and put back exactly."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from nsm.data.packed import PackedGraphs
from nsm.errors import CheckpointError
from nsm.training import Callback, EpochRecord, Trainer
from nsm.training.checkpoints import FORMAT_VERSION, load_checkpoint, save_checkpoint
from nsm.training.state import capture, restore
from tests.training.test_trainer import AtStep, request_stop
from tests.training.toy_graphs import toy_trainer


def same(one: Any, other: Any) -> bool:
    """Equality that looks into tensors."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def stopped(graphs: PackedGraphs, root: Path, **changes: Any) -> Trainer:
    """A training that was stopped in its second epoch."""
    trainer = toy_trainer(graphs, root, AtStep(7, request_stop), dropout=0.1, **changes)
    trainer.fit()
    return trainer


def test_every_part_comes_back(graphs: PackedGraphs, tmp_path: Path) -> None:
    states: list[dict[str, Any]] = []
    trainer = toy_trainer(graphs, tmp_path, AtStep(7, lambda at: states.append(copy.deepcopy(capture(at)))))
    trainer.fit()
    (state,) = states
    other = toy_trainer(graphs, tmp_path, learning_rate=0.5)
    changed = {key for key, value in capture(other).items() if not same(value, state[key])}
    assert changed >= {"model_state_dict", "optimizer_state_dict", "scheduler_state_dict", "history", "position"}
    again = toy_trainer(graphs, tmp_path)
    torch.rand(5)
    restore(again, copy.deepcopy(state), tmp_path / "state.pt")
    found = capture(again)
    assert [key for key in state if not same(found[key], state[key])] == []


def test_what_is_captured_passes_through_a_file(graphs: PackedGraphs, tmp_path: Path) -> None:
    state = capture(stopped(graphs, tmp_path))
    save_checkpoint(tmp_path / "state.pt", state)
    loaded = load_checkpoint(tmp_path / "state.pt")  # refuses what is not plain, and what lacks a part
    assert loaded.pop("format_version") == FORMAT_VERSION
    assert same(loaded, state)


def test_what_depends_on_the_machine_is_apart(graphs: PackedGraphs, tmp_path: Path) -> None:
    first, second = capture(stopped(graphs, tmp_path)), capture(stopped(graphs, tmp_path))
    assert set(first["resources"]) == {"seconds", "interrupted"}
    assert [key for key in first if key != "resources" and not same(first[key], second[key])] == []
    assert all(record["resources"] == {} for record in first["history"])


def test_the_latest_validation_is_told(graphs: PackedGraphs, tmp_path: Path) -> None:
    assert capture(toy_trainer(graphs, tmp_path))["val_acc"] is None
    told: list[tuple[Any, ...]] = []

    class Watch(Callback):
        def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
            state = capture(trainer)
            told.append((record.epoch, state["epoch"], state["val_acc"], state["val_loss"]))

    trainer = toy_trainer(graphs, tmp_path, Watch(), epochs=3, eval_every=2)
    trainer.fit()
    second, third = (record.metrics for record in trainer.history[1:])
    assert told == [
        (1, 1, None, None),
        (2, 2, second["val_acc"], second["val_loss"]),
        (3, 3, third["val_acc"], third["val_loss"]),
    ]


def test_another_model_is_refused(graphs: PackedGraphs, tmp_path: Path) -> None:
    state = capture(stopped(graphs, tmp_path))
    wider = toy_trainer(graphs, tmp_path, channels=12)
    before = copy.deepcopy(wider.model.state_dict())
    with pytest.raises(CheckpointError, match="the checkpoint is for another model") as caught:
        restore(wider, state, tmp_path / "state.pt")
    assert caught.value.file == str(tmp_path / "state.pt")
    assert same(dict(wider.model.state_dict()), dict(before))
    assert wider.position.step == 0


def test_the_part_of_a_batch_that_memory_allowed_stays_in_force(graphs: PackedGraphs, tmp_path: Path) -> None:
    """Unless another one is configured now."""
    state = capture(stopped(graphs, tmp_path, accumulate=2))
    assert state["micro_batch"] == 8
    state["micro_batch"] = 2
    for accumulate, expected in ((1, 0), (2, 2), (4, 4)):
        again = toy_trainer(graphs, tmp_path, accumulate=accumulate)
        restore(again, copy.deepcopy(state), tmp_path / "state.pt")
        assert again.micro.size == expected
