"""The loop: it learns, repeats itself exactly, stops when asked, and leaves a whole run folder."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nsm.data.packed import PackedGraphs
from nsm.errors import ConfigError, RunError
from nsm.training import Callback, StepRecord, Trainer, TrainResult
from nsm.training.checkpoints import load_checkpoint
from nsm.training.device import arithmetic
from nsm.training.state import restore
from tests.training.toy_graphs import SMALL, toy_trainer

Weights = dict[str, torch.Tensor]


def equal(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


class AtStep(Callback):
    """Does something after a step, counted from 1 over the whole run."""

    def __init__(self, number: int, action: Callable[[Trainer], object]) -> None:
        self.number, self.action, self.seen, self.ended = number, action, 0, False

    def on_step(self, trainer: Trainer, record: StepRecord) -> None:
        del record
        self.seen += 1
        if self.seen == self.number:
            self.action(trainer)

    def on_end(self, trainer: Trainer) -> None:
        del trainer
        self.ended = True


def request_stop(trainer: Trainer) -> None:
    trainer.stop_requested = True


def test_it_learns(graphs: PackedGraphs, tmp_path: Path) -> None:
    result = toy_trainer(graphs, tmp_path, epochs=30, learning_rate=0.005, channels=16, cycle_weight=0.05).fit()
    assert result.best_val_acc is not None
    assert result.best_val_acc >= 0.9


def test_one_seed_gives_one_history_and_another_seed_another(graphs: PackedGraphs, tmp_path: Path) -> None:
    first, again, other = (toy_trainer(graphs, tmp_path, seed=seed) for seed in (0, 0, 1))
    for trainer in (first, again, other):
        trainer.fit()
    assert first.history == again.history
    assert equal(first.model.state_dict(), again.model.state_dict())
    assert first.history != other.history


def test_the_run_folder(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, epochs=4, save_every=2, eval_every=3)
    result = trainer.fit()
    run = trainer.run
    assert (result.run, result.epochs, result.interrupted) == (run, 4, False)
    names = {path.name for path in run.folder.iterdir()}
    assert names == {
        "best_model.pt",
        "last.pt",
        "checkpoint_epoch_0002.pt",
        "checkpoint_epoch_0004.pt",
        "history.jsonl",
        "training_history.json",
    }
    lines = [json.loads(line) for line in run.history.read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert ["val_acc" in line["metrics"] for line in lines] == [False, False, True, True]
    assert all(line["resources"]["seconds"] >= 0 and "seconds" not in line["metrics"] for line in lines)
    columns = json.loads(run.training_history.read_text())
    assert columns["train_loss"] == [line["metrics"]["train_loss"] for line in lines]
    assert columns["val_acc"][:2] == [None, None]
    assert columns["majority"] == trainer.majority
    assert load_checkpoint(run.epoch_checkpoint(2))["epoch"] == 2


def test_in_the_end_the_model_has_its_best_weights(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, epochs=6, learning_rate=0.05)
    result = trainer.fit()
    best = load_checkpoint(trainer.run.best)
    assert (best["epoch"], best["val_acc"]) == (result.best_epoch, result.best_val_acc)
    assert equal(trainer.model.state_dict(), best["model_state_dict"])
    assert trainer.validate()["val_acc"] == best["val_acc"]
    ranks = [(record.metrics["val_acc"], -record.metrics["val_loss"]) for record in trainer.history]
    assert ranks.index(max(ranks)) + 1 == result.best_epoch


def test_patience_ends_training(graphs: PackedGraphs, tmp_path: Path) -> None:
    # so small a step changes no prediction, and the loss only in digits that a float does not hold
    trainer = toy_trainer(graphs, tmp_path, epochs=9, patience=2, learning_rate=1e-30, weight_decay=0.0)
    result = trainer.fit()
    assert (result.epochs, result.best_epoch, result.interrupted) == (3, 1, False)


@pytest.mark.parametrize("stop_at", [2, 5, 7, 10])
def test_a_training_that_was_stopped_goes_on_exactly(graphs: PackedGraphs, tmp_path: Path, stop_at: int) -> None:
    changes: dict[str, Any] = {"epochs": 3, "dropout": 0.2, "cycle_every": 2, "average_share": stop_at % 2 / 4}
    whole = toy_trainer(graphs, tmp_path, **changes)
    whole.fit()

    stopped = toy_trainer(graphs, tmp_path, AtStep(stop_at, request_stop), **changes)
    result = stopped.fit()
    assert result.interrupted
    assert load_checkpoint(stopped.run.last)["resources"]["interrupted"] is True

    resumed = toy_trainer(graphs, tmp_path, **changes)
    for kind in ("best", "last", "history"):  # a resumed run has the files that it left
        source = getattr(stopped.run, kind)
        if source.exists():
            getattr(resumed.run, kind).write_bytes(source.read_bytes())
    torch.rand(3)  # what the generators did in between must not matter
    restore(resumed, load_checkpoint(stopped.run.last), stopped.run.last)
    assert resumed.fit().interrupted is False
    assert resumed.history == whole.history
    last, expected = load_checkpoint(resumed.run.last), load_checkpoint(whole.run.last)
    assert equal(last["model_state_dict"], expected["model_state_dict"])
    assert ("trained_state_dict" in last) is (stop_at % 2 == 1)
    assert equal(last.get("trained_state_dict", {}), expected.get("trained_state_dict", {}))
    assert last["position"] == expected["position"]
    assert torch.equal(last["random_states"]["torch"], expected["random_states"]["torch"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_step(graphs: PackedGraphs, tmp_path: Path, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    sender = AtStep(7, lambda _: os.kill(os.getpid(), number))
    trainer = toy_trainer(graphs, tmp_path, sender)
    result = trainer.fit()
    assert signal.getsignal(number) is before
    assert sender.ended
    assert (result.epochs, result.interrupted) == (1, True)
    saved = load_checkpoint(trainer.run.last)
    assert (saved["epoch"], saved["position"]["step"], saved["position"]["batch"]) == (1, 7, 2)
    assert json.loads(trainer.run.training_history.read_text())["interrupted"] is True


def test_a_second_interrupt_raises(graphs: PackedGraphs, tmp_path: Path) -> None:
    def interrupt_twice(_: Trainer) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    sender = AtStep(2, interrupt_twice)
    with pytest.raises(KeyboardInterrupt):
        toy_trainer(graphs, tmp_path, sender).fit()
    assert signal.getsignal(signal.SIGINT) is before
    assert sender.ended


def test_a_reader_that_turns_away_leaves_a_whole_run(graphs: PackedGraphs, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    trainer = toy_trainer(graphs, tmp_path)
    for record in trainer.epochs():
        assert record.epoch == 1
        break
    assert signal.getsignal(signal.SIGINT) is before
    assert trainer.result.interrupted
    assert load_checkpoint(trainer.run.last)["epoch"] == 1


def test_outside_of_the_main_thread(graphs: PackedGraphs, tmp_path: Path) -> None:
    results: list[TrainResult] = []
    trainer = toy_trainer(graphs, tmp_path, epochs=1)
    thread = threading.Thread(target=lambda: results.append(trainer.fit()))
    thread.start()
    thread.join(60)
    assert [result.epochs for result in results] == [1]


def test_the_cycle_term_comes_every_few_steps_and_weighs_as_much_more(
    graphs: PackedGraphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nsm.training.trainer as module

    weights: list[float] = []
    real = module.compute_loss

    def record_weight(output: Any, batch: Any, weight: float, **more: float) -> Any:
        weights.append(weight)
        assert (output.reconstructed is not None) == (weight > 0)
        return real(output, batch, weight, **more)

    monkeypatch.setattr(module, "compute_loss", record_weight)
    changes: dict[str, Any] = {"epochs": 1, "cycle_every": 2, "cycle_weight": 0.1}
    toy_trainer(graphs, tmp_path, cycle_warmup_epochs=0, **changes).fit()
    assert weights == [0.2, 0.0, 0.2, 0.0, 0.2]
    weights.clear()
    toy_trainer(graphs, tmp_path / "rising", cycle_warmup_epochs=0.8, **changes).fit()
    assert weights == pytest.approx([0.0125, 0.0, 0.1125, 0.0, 0.2])


@pytest.mark.parametrize("accumulate", [1, 4])
def test_what_is_switched_on_counts_in_training_only(graphs: PackedGraphs, tmp_path: Path, accumulate: int) -> None:
    changes: dict[str, Any] = {"epochs": 1, "cycle_weight": 0.0, "accumulate": accumulate}
    changes |= {"auxiliary_weight": 0.5, "balance_weight": 0.25}
    trainer = toy_trainer(graphs, tmp_path, **changes)
    trainer.fit()
    found = trainer.history[-1].metrics
    more = {term: found[f"train_{term}_loss"] for term in ("auxiliary", "balance")}
    assert min(more.values()) > 0
    total = found["train_task_loss"] + 0.5 * more["auxiliary"] + 0.25 * more["balance"]
    assert found["train_loss"] == pytest.approx(total)
    assert found["val_loss"] == pytest.approx(found["val_task_loss"])
    flat = toy_trainer(graphs, tmp_path / "flat", model="tests.models.test_imported:Sums", **changes)
    flat.fit()
    found = flat.history[-1].metrics
    assert found["train_auxiliary_loss"] == found["train_balance_loss"] == 0
    assert found["train_loss"] == found["train_task_loss"]


@pytest.mark.parametrize("accumulate", [1, 4])
def test_what_is_read_from_the_reconstruction_counts_where_its_error_does(
    graphs: PackedGraphs, tmp_path: Path, accumulate: int
) -> None:
    changes: dict[str, Any] = {"epochs": 1, "cycle_weight": 0.5, "cycle_warmup_epochs": 0, "accumulate": accumulate}
    trainer = toy_trainer(graphs, tmp_path, cycle_every=1, decode_weight=0.25, **changes)
    trainer.fit()
    found = trainer.history[-1].metrics
    assert found["train_decode_loss"] > 0
    terms = found["train_cycle_loss"] + 0.25 * found["train_decode_loss"]
    assert found["train_loss"] == pytest.approx(found["train_task_loss"] + 0.5 * terms)
    seldom = toy_trainer(graphs, tmp_path / "seldom", cycle_every=2, decode_weight=0.25, **changes)
    seldom.fit()
    fewer = seldom.history[-1].metrics
    assert fewer["train_decode_loss"] == pytest.approx(found["train_decode_loss"], rel=0.2)  # a mean of those steps


def test_mixed_precision_ends_before_the_loss(
    graphs: PackedGraphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nsm.training.trainer as module

    seen: list[tuple[set[torch.dtype], int, bool]] = []
    products: set[torch.dtype] = set()
    real = module.compute_loss

    def record_dtype(output: Any, batch: Any, weight: float, **more: float) -> Any:
        dtypes = {term.dtype for term in (output.logits, *output.level_logits, output.imbalance)}
        seen.append((dtypes, len(output.level_logits), torch.is_autocast_enabled("cpu")))
        return real(output, batch, weight, **more)

    monkeypatch.setattr(module, "compute_loss", record_dtype)
    terms = {"auxiliary_weight": 0.1, "balance_weight": 0.1}
    trainer = toy_trainer(graphs, tmp_path, AtStep(1, request_stop), precision="bf16-mixed", **terms)
    for part in trainer.model.modules():
        if isinstance(part, torch.nn.Linear):
            part.register_forward_hook(lambda _, __, result: products.add(result.dtype))
    trainer.fit()
    assert seen == [({torch.float32}, 2, False)]
    assert products == {torch.bfloat16}


def test_the_flat_model_trains_without_a_reconstruction(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, epochs=1, model="flat", flat_layers=1)
    assert trainer.fit().epochs == 1


def test_an_empty_split_is_refused(graphs: PackedGraphs, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="the training split is empty"):
        toy_trainer(graphs.subset("val"), tmp_path)


class Notices(Callback):
    """Writes down what is said."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def on_notice(self, trainer: Trainer, text: str) -> None:
        del trainer
        self.texts.append(text)


def test_a_stop_file_stops_after_the_step(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, AtStep(7, lambda at: at.run.stop.touch()))
    assert trainer.fit().interrupted
    assert not trainer.run.stop.exists()
    assert load_checkpoint(trainer.run.last)["position"]["step"] == 7


def test_one_trainer_is_stopped_and_goes_on(graphs: PackedGraphs, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"epochs": 3, "dropout": 0.2}
    whole = toy_trainer(graphs, tmp_path, **changes)
    whole.fit()
    trainer = toy_trainer(graphs, tmp_path, AtStep(3, request_stop), AtStep(8, request_stop), **changes)
    assert [trainer.fit().interrupted for _ in range(3)] == [True, True, False]
    assert trainer.history == whole.history
    assert equal(load_checkpoint(trainer.run.best)["model_state_dict"], whole.model.state_dict())
    assert trainer.fit().epochs == 3, "what is over stays as it is"


def test_a_second_training_of_a_run_is_refused(graphs: PackedGraphs, tmp_path: Path) -> None:
    first = toy_trainer(graphs, tmp_path)
    subset = {name: graphs.subset(name) for name in ("train", "val")}
    second = Trainer(first.config, first.model, **subset, run=first.run)
    records = first.epochs()
    next(records)
    with pytest.raises(RunError, match="is being trained by process"):
        second.fit()
    assert first.run.last.exists()
    records.close()
    assert second.fit().epochs == 3


def test_float16_with_its_scaler_needs_a_gpu(graphs: PackedGraphs, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a GPU"):
        toy_trainer(graphs, tmp_path, precision="16-mixed")


@pytest.mark.needs_gpu
def test_float16_trains_and_goes_on_with_its_scaler(graphs: PackedGraphs, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"precision": "16-mixed", "accelerator": "gpu"}
    trainer = toy_trainer(graphs, tmp_path, AtStep(7, request_stop), **changes)
    trainer.fit()
    scaler = load_checkpoint(trainer.run.last)["precision_state_dict"]
    assert scaler["scale"] > 0
    result = trainer.fit()
    assert (result.epochs, result.interrupted) == (3, False)


def test_strictly_deterministic_operations_suffice(graphs: PackedGraphs, tmp_path: Path) -> None:
    with arithmetic(SMALL.model_copy(update={"deterministic": True})):
        assert toy_trainer(graphs, tmp_path, epochs=1).fit().epochs == 1
