"""The live view shows what happens, costs little, and does not change a training."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from nsm.analysis.plots import new_figure, png_bytes
from nsm.analysis.run_states import duration
from nsm.dashboard import live_view
from nsm.dashboard.live_view import LiveView
from nsm.data.packed import PackedGraphs
from nsm.runs import Run
from nsm.training import Callback, StepRecord, Trainer
from tests.analysis.made_runs import add_history, make_run
from tests.dashboard.fake_notebook import FakeNotebook
from tests.training.test_trainer import AtStep, equal
from tests.training.toy_graphs import continued, toy_trainer


@pytest.fixture
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """No core to spare, and so much time that each drawing is worth it."""
    monkeypatch.setattr(live_view, "usable_cores", lambda: 1.0)
    monkeypatch.setattr(live_view, "OWN_SHARE", 1e9)


@pytest.mark.usefixtures("one_core")
def test_curves_after_each_validation_and_a_last_picture(
    graphs: PackedGraphs, tmp_path: Path, notebook: FakeNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_view, "BARS", 0.0)
    trainer = toy_trainer(graphs, tmp_path, epochs=3)
    view = LiveView(trainer, every=0.0)
    assert view.attach(trainer) is view and trainer.callbacks == [view]  # not twice
    trainer.fit()
    assert len(notebook.handles) == 2
    assert len(set(notebook.pictures)) == len(notebook.pictures) == 4
    texts = notebook.texts
    assert texts[0].splitlines()[-1] == "starting"
    assert any("batches" in text and "loss" in text and " left" in text for text in texts)
    assert [f"epoch {epoch}, train loss" in " ".join(texts) for epoch in (1, 2, 3)] == [True] * 3
    assert "finished: epoch 3 of" in texts[-1] and "batches" not in texts[-1]
    assert trainer.history[-1].metrics.keys() >= {"val_reconstruction_level_0"}


def test_a_painter_draws_where_there_is_a_core_to_spare(
    graphs: PackedGraphs, tmp_path: Path, notebook: FakeNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class FakePainter:
        is_busy, is_alive, seconds = False, True, 0.001

        def __init__(self, run: Run) -> None:
            asked.append(f"made for {run.name}")

        def ask(self) -> None:
            asked.append("asked")
            self.is_busy = True

        def fetch(self) -> bytes | None:
            png = png_bytes(new_figure(height=1.0)) if self.is_busy else None
            self.is_busy = False
            return png

        def close(self) -> None:
            asked.append("closed")

    monkeypatch.setattr(live_view, "usable_cores", lambda: 2.0)
    monkeypatch.setattr(live_view, "Painter", FakePainter)
    monkeypatch.setattr(live_view, "BARS", 0.0)
    trainer = toy_trainer(graphs, tmp_path, LiveView(every=0.0), epochs=2)
    trainer.fit()
    assert asked[:2] == [f"made for {trainer.run.name}", "asked"] and asked.count("closed") == 1
    assert len(notebook.pictures) >= 2

    FakePainter.is_alive = False  # it dies: the picture is drawn here
    monkeypatch.setattr(live_view, "OWN_SHARE", 1e9)
    before = len(notebook.pictures)
    toy_trainer(graphs, tmp_path, LiveView(every=0.0), epochs=2).fit()
    assert len(notebook.pictures) - before == 3


class EachStep(Callback):
    """Does something after every step."""

    def __init__(self, action: Callable[[StepRecord], object]) -> None:
        self.action = action

    def on_step(self, trainer: Trainer, record: StepRecord) -> None:
        del trainer
        self.action(record)


@pytest.mark.usefixtures("one_core")
def test_rate_and_remaining_time_are_those_of_this_session(
    graphs: PackedGraphs, tmp_path: Path, notebook: FakeNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that goes on by 3 s at each step: what is left is as many steps as are left, at that speed."""
    now, sizes, told = [100.0], list[int](), list[str]()
    monkeypatch.setattr(live_view, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def go_on(record: StepRecord) -> None:
        now[0] += 3.0
        sizes.append(record.graphs)

    look = EachStep(lambda _: told.append(notebook.texts[-1].splitlines()[0]))
    stop = AtStep(7, lambda trainer: setattr(trainer, "stop_requested", True))
    first = toy_trainer(graphs, tmp_path, EachStep(go_on), LiveView(every=1e9), look, stop, epochs=3)
    first.fit()
    steps = 3 * len(first.train_loader)
    continued(graphs, first, EachStep(go_on), LiveView(every=1e9), look).fit()
    assert len(told) == len(sizes) == steps
    for step, said in enumerate(told, start=1):
        since = 0 if step <= 7 else 7
        rate = sum(sizes[since:step]) / (3 * (step - since))
        assert f"{rate:,.0f} graphs/s, validation included" in said, (step, said)
        if step < steps:
            assert said.endswith(f", {duration(3 * (steps - step))} left"), (step, said)


@pytest.mark.usefixtures("one_core")
def test_an_interrupt_is_told_with_the_way_on(graphs: PackedGraphs, tmp_path: Path, notebook: FakeNotebook) -> None:
    stop = AtStep(7, lambda _: os.kill(os.getpid(), signal.SIGINT))
    trainer = toy_trainer(graphs, tmp_path, stop, LiveView(), epochs=3)
    epochs = [record.epoch for record in trainer.epochs()]  # the kernel's cell ends without an error
    assert epochs == [1]
    told = " ".join(notebook.texts[-1].split())
    assert "interrupted: epoch 1 of" in told
    assert f"Saved in {trainer.run.last}" in told
    assert f"nsm train --resume {trainer.run.folder}" in told and "nsm.resume(" in told

    again = continued(graphs, trainer, LiveView())
    assert again.fit().interrupted is False
    whole = toy_trainer(graphs, tmp_path, epochs=3)
    whole.fit()
    assert equal(again.model.state_dict(), whole.model.state_dict())
    assert again.history == whole.history
    assert all(record.gradient_norms for record in again.history)


class Speaks(Callback):
    def on_step(self, trainer: Trainer, record: StepRecord) -> None:
        if record.batch == 1 and record.epoch == 1:
            trainer.notify("memory ran out")


def test_outside_of_a_notebook_a_line_for_each_epoch(
    graphs: PackedGraphs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy_trainer(graphs, tmp_path, LiveView(), Speaks(), epochs=2).fit()
    said = capsys.readouterr().err
    assert said.count("train loss") == 2
    assert "memory ran out" in said and "finished: epoch 2 of" in said


def test_a_view_that_is_attached_in_the_middle_waits_for_a_start(graphs: PackedGraphs, tmp_path: Path) -> None:
    view, trainer = LiveView(), toy_trainer(graphs, tmp_path, epochs=2)
    epochs = trainer.epochs()
    next(epochs)
    view.attach(trainer)
    assert [record.epoch for record in epochs] == [2]
    assert view._frame is not None


def test_a_run_is_drawn_at_once(tmp_path: Path, notebook: FakeNotebook) -> None:
    run = make_run(tmp_path, "a")
    add_history(run, 2)
    view = LiveView(run)
    view.draw(run)
    assert len(notebook.handles) == 2 and len(notebook.pictures) == 2
    assert "epoch 2 of 4" in notebook.texts[-1]
