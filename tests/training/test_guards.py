"""Guards: numbers that are not finite, a loss that climbs, a model that says one thing only."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nsm.data.packed import PackedGraphs
from nsm.errors import RunError
from nsm.training import Trainer
from nsm.training.checkpoints import load_checkpoint
from nsm.training.guards import alarms
from tests.training.test_trainer import AtStep, Notices, Weights, equal
from tests.training.toy_graphs import toy_trainer


def test_a_loss_that_is_no_number_stops_with_a_remedy(graphs: PackedGraphs, tmp_path: Path) -> None:
    def spoil(trainer: Trainer) -> None:
        with torch.no_grad():
            next(trainer.model.parameters()).fill_(float("nan"))

    watcher = AtStep(1, spoil)
    trainer = toy_trainer(graphs, tmp_path, watcher)
    with pytest.raises(RunError, match="the loss became nan in epoch 1, step 2") as caught:
        trainer.fit()
    assert "learning_rate" in str(caught.value.hint)
    assert caught.value.file == str(trainer.run.bad_batch())
    kept = torch.load(trainer.run.bad_batch(), weights_only=True)
    assert (kept["epoch"], kept["step"], kept["batch"]["num_graphs"]) == (1, 2, 16)
    expected = list(trainer.train_loader.epoch(0))[1]
    assert torch.equal(kept["batch"]["index"], expected.index)
    assert kept["gradients"]
    assert not trainer.run.last.exists()
    later = toy_trainer(graphs, tmp_path, AtStep(len(trainer.train_loader) + 1, spoil))
    with pytest.raises(RunError, match="the loss became nan in epoch 2, step") as caught:
        later.fit()
    assert load_checkpoint(later.run.last)["epoch"] == 1, "the last good one stays"
    assert all(torch.isfinite(weight).all() for weight in load_checkpoint(later.run.best)["model_state_dict"].values())
    assert watcher.ended


def test_a_gradient_that_is_no_number_stops_before_the_step(graphs: PackedGraphs, tmp_path: Path) -> None:
    before: list[Weights] = []

    def spoil(trainer: Trainer) -> None:
        before.append({name: weight.clone() for name, weight in trainer.model.state_dict().items()})
        weight = next(trainer.model.parameters())
        weight.register_hook(lambda gradient: gradient * float("inf"))

    trainer = toy_trainer(graphs, tmp_path, AtStep(2, spoil), clip_norm=0.0)
    with pytest.raises(RunError, match=r"the gradient became (inf|nan) in epoch 1, step 3"):
        trainer.fit()
    assert equal(trainer.model.state_dict(), before[0])
    name = next(iter(dict(trainer.model.named_parameters())))
    assert torch.load(trainer.run.bad_batch(), weights_only=True)["gradients"] == [name]


def test_a_collapse_and_a_divergence_are_told_and_kept(graphs: PackedGraphs, tmp_path: Path) -> None:
    notices = Notices()
    trainer = toy_trainer(graphs, tmp_path, notices, epochs=4, learning_rate=1e-30, weight_decay=0.0)
    with torch.no_grad():
        trainer.model.readout.requires_grad_(False)  # type: ignore[union-attr,operator]
        for weight in trainer.model.readout.parameters():  # type: ignore[union-attr,operator]
            weight.zero_()
        list(trainer.model.readout.parameters())[-1][1] = 9.0  # type: ignore[union-attr,operator]
    trainer.fit()
    told = [[text.split(":")[0] for text in record.alarms] for record in trainer.history]
    assert told == [["divergence"], ["divergence"], *[["class collapse", "divergence"]] * 2]
    assert notices.texts == [text for record in trainer.history for text in record.alarms]
    assert f"majority {trainer.majority:.3f}" in notices.texts[2]


def metrics(loss: float, top_share: float | None = None) -> dict[str, float]:
    found = {"train_task_loss": loss}
    return found if top_share is None else found | {"val_top_share": top_share, "val_acc": 0.5}


def kinds(history: list[dict[str, float]], num_classes: int = 2) -> list[str]:
    return [text.split(":")[0] for text in alarms(history, 0.6, num_classes)]


def test_one_class_in_three_validations_is_a_collapse() -> None:
    assert kinds([metrics(0.7, 1.0)] * 2) == []
    assert kinds([metrics(0.7, 1.0)] * 3) == ["class collapse"]
    assert kinds([metrics(0.7, 1.0), metrics(0.7), metrics(0.7, 1.0), metrics(0.7), metrics(0.7, 1.0)]) != []
    assert kinds([*[metrics(0.7, 1.0)] * 3, metrics(0.7)]) == [], "this epoch has no validation"
    assert kinds([metrics(0.7, 1.0), metrics(0.7, 0.9), metrics(0.7, 1.0)]) == []


def test_a_loss_that_climbs_is_a_divergence() -> None:
    assert kinds([metrics(0.69), metrics(0.5), metrics(0.6)]) == []
    assert kinds([metrics(0.69), metrics(0.1), metrics(0.5)]) == ["divergence"]
    assert kinds([metrics(1.5)]) == ["divergence"]
    assert kinds([metrics(1.5)], num_classes=10) == []
