"""The running average of the weights: what it is, who sees it, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from nsm.data.packed import PackedGraphs
from nsm.errors import CheckpointError
from nsm.training import Callback, EpochRecord, StepRecord, Trainer
from nsm.training.averaging import WeightAverage
from nsm.training.checkpoints import load_checkpoint, save_checkpoint
from nsm.training.state import capture, restore
from nsm.training.validation import validate
from tests.training.toy_graphs import toy_trainer

Weights = dict[str, Tensor]


def copied(model: nn.Module) -> Weights:
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def steps(average: WeightAverage, model: nn.Linear, count: int) -> Iterator[Tensor]:
    """Sets the weights to numbers, and tells the average of each."""
    torch.manual_seed(0)
    for step in range(1, count + 1):
        with torch.no_grad(), average.training():
            model.weight.copy_(torch.randn_like(model.weight))
            average.update(step)
            yield model.weight.clone()


@pytest.mark.parametrize("share", [1.0, 0.5, 0.25])
def test_later_steps_weigh_more_by_a_power(share: float) -> None:
    """By definition: a share of 1 is the mean, a half weighs step n by n, a quarter by n (n + 1) (n + 2)."""
    model = nn.Linear(3, 2, bias=False)
    average = WeightAverage(model, share)
    trained = torch.stack(list(steps(average, model, 40)))
    number = torch.arange(1, 41)
    weighs = {1.0: number**0, 0.5: number, 0.25: number * (number + 1) * (number + 2)}[share].float()
    expected = (weighs[:, None, None] * trained).sum(0) / weighs.sum()
    torch.testing.assert_close(model.weight.detach(), expected)


def test_the_model_has_the_average_but_while_it_is_trained() -> None:
    model = nn.Linear(3, 2, bias=False)
    average = WeightAverage(model, 0.5)
    first, second = list(steps(average, model, 2))
    mean = (first + 2 * second) / 3
    torch.testing.assert_close(model.weight.detach(), mean)
    with average.training():
        assert torch.equal(model.weight, second)
        with average.training(now=False):
            torch.testing.assert_close(model.weight.detach(), mean)
        assert torch.equal(model.weight, second)
    with pytest.raises(KeyError), average.training():
        raise KeyError
    torch.testing.assert_close(model.weight.detach(), mean)


def test_without_a_share_nothing_changes() -> None:
    model = nn.Linear(3, 2, bias=False)
    average = WeightAverage(model, 0.0)
    *_, last = steps(average, model, 5)
    assert not average
    assert torch.equal(model.weight, last)


class Watch(Callback):
    """Keeps the weights after every step, and those that are there after every epoch."""

    def __init__(self) -> None:
        self.trained: list[Weights] = []
        self.shown: list[Weights] = []

    def on_step(self, trainer: Trainer, record: StepRecord) -> None:
        del record
        self.trained.append(copied(trainer.model))

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        del record
        self.shown.append(copied(trainer.model))


def test_the_average_is_validated_and_kept(graphs: PackedGraphs, tmp_path: Path) -> None:
    watch = Watch()
    trainer = toy_trainer(graphs, tmp_path, watch, average_share=0.5, save_every=1)
    trainer.fit()
    per_epoch = len(watch.trained) // 3
    for epoch, shown in enumerate(watch.shown, 1):
        number = torch.arange(1, epoch * per_epoch + 1).float()
        kept = load_checkpoint(trainer.run.epoch_checkpoint(epoch))
        for name, weight in shown.items():
            trained = torch.stack([step[name] for step in watch.trained[: len(number)]])
            mean = torch.einsum("n,n...->...", number, trained) / number.sum()
            torch.testing.assert_close(weight, mean)
            assert torch.equal(kept["model_state_dict"][name], weight)
            assert torch.equal(kept["trained_state_dict"][name], trained[-1])
            assert not torch.equal(weight, trained[-1])
    best = trainer.result.best_epoch
    assert best is not None
    assert all(torch.equal(weight, watch.shown[best - 1][name]) for name, weight in copied(trainer.model).items())
    again = validate(trainer.model, trainer.val_loader, trainer.fabric, num_classes=2, cycle_weight=0.15)
    assert again["val_loss"] == trainer.history[best - 1].metrics["val_loss"]


def test_the_steps_are_those_of_a_training_without(graphs: PackedGraphs, tmp_path: Path) -> None:
    watches = [Watch(), Watch()]
    for watch, share in zip(watches, (0.0, 0.5), strict=True):
        toy_trainer(graphs, tmp_path, watch, average_share=share).fit()
    for without, average in zip(watches[0].trained, watches[1].trained, strict=True):
        assert all(torch.equal(weight, average[name]) for name, weight in without.items())


def test_weights_of_before_the_first_step_are_trained(graphs: PackedGraphs, tmp_path: Path) -> None:
    class Begin(Callback):
        def on_start(self, trainer: Trainer) -> None:
            with torch.no_grad():
                for weight in trainer.model.parameters():
                    weight.fill_(5.0)

    for share in (0.0, 0.5):
        watch = Watch()
        toy_trainer(graphs, tmp_path, Begin(), watch, average_share=share, epochs=1).fit()
        assert all((weight - 5).abs().max() < 0.1 for weight in watch.trained[0].values())


def test_frozen_and_whole_numbers_stay() -> None:
    model = nn.Linear(3, 2)
    model.table = nn.Parameter(torch.arange(3), requires_grad=False)
    average = WeightAverage(model, 0.5)
    with average.training():
        average.update(1)
    assert model.table.tolist() == [0, 1, 2]


def test_a_checkpoint_without_an_average_begins_one(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path)
    trainer.fit()
    later = toy_trainer(graphs, tmp_path, average_share=0.5)
    restore(later, capture(trainer), tmp_path / "state.pt")
    weights = copied(trainer.model)
    for now in (True, False):
        with later.average.training(now=now):
            assert all(torch.equal(weight, weights[name]) for name, weight in copied(later.model).items())


def test_trained_weights_of_another_model_are_refused(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, average_share=0.5)
    state = capture(trainer)
    state["trained_state_dict"].popitem()
    save_checkpoint(tmp_path / "state.pt", state)
    with pytest.raises(CheckpointError, match=r"for another model: 1 tensors differ"):
        restore(trainer, load_checkpoint(tmp_path / "state.pt"), tmp_path / "state.pt")
