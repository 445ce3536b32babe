"""Callbacks: every event, in the order of the methods, with a trainer that is worth reading."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from nsm.data.packed import PackedGraphs
from nsm.training import Callback, EpochRecord, StepRecord, Trainer
from tests.training.toy_graphs import toy_trainer


class Listener(Callback):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def on_start(self, trainer: Trainer) -> None:
        assert trainer.position.step == 0
        self.events.append("start")

    def on_step(self, trainer: Trainer, record: StepRecord) -> None:
        assert (trainer.position.step, trainer.position.batch) == (record.batch, record.batch)
        assert record.loss > 0
        self.events.append(f"step {record.batch}/{record.batches} of {record.graphs}")

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        assert trainer.history[-1] is record
        assert trainer.run.last.exists()
        self.events.append(f"epoch {record.epoch}")

    def on_end(self, trainer: Trainer) -> None:
        assert trainer.run.training_history.exists()
        self.events.append("end")


def test_events_come_in_order(graphs: PackedGraphs, tmp_path: Path) -> None:
    listener = Listener()
    toy_trainer(graphs, tmp_path, listener, epochs=1, batch_size=40).fit()
    assert listener.events == ["start", "step 1/2 of 40", "step 2/2 of 32", "epoch 1", "end"]


def test_all_callbacks_are_told_in_their_order(graphs: PackedGraphs, tmp_path: Path) -> None:
    told: list[str] = []

    class Named(Callback):
        def __init__(self, name: str) -> None:
            self.name = name

        def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
            del trainer
            told.append(f"{self.name}{record.epoch}")

    toy_trainer(graphs, tmp_path, Named("a"), Named("b"), epochs=2).fit()
    assert told == ["a1", "b1", "a2", "b2"]


def test_the_end_is_told_after_an_error_of_another_callback(graphs: PackedGraphs, tmp_path: Path) -> None:
    class Broken(Callback):
        def on_step(self, trainer: Trainer, record: StepRecord) -> None:
            raise LookupError(f"{trainer.run.name} is broken at step {record.batch}")

    listener = Listener()
    with pytest.raises(LookupError, match="is broken at step 1"):
        toy_trainer(graphs, tmp_path, listener, Broken()).fit()
    assert [event.split()[0] for event in listener.events] == ["start", "step", "end"]


def test_a_plain_callback_ignores_every_event(graphs: PackedGraphs, tmp_path: Path) -> None:
    watched = toy_trainer(graphs, tmp_path, Callback(), epochs=1)
    assert watched.fit().epochs == 1
    alone = toy_trainer(graphs, tmp_path, epochs=1)
    alone.fit()
    assert watched.history == alone.history


def test_events_are_declared_in_the_order_in_which_they_come() -> None:
    events = [name for name, _ in vars(Callback).items() if name.startswith("on_")]
    assert events == ["on_start", "on_step", "on_epoch", "on_end", "on_notice"]
    assert all(inspect.getdoc(getattr(Callback, name)) for name in events)
