"""Validation: means over graphs, whatever the batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nsm.data.loader import BatchLoader
from nsm.data.packed import PackedGraphs
from nsm.errors import RunError
from nsm.training import Trainer
from nsm.training.checkpoints import load_checkpoint
from nsm.training.validation import level_metrics, validate
from tests.training.test_trainer import AtStep
from tests.training.toy_graphs import running_out, toy_trainer


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_batches_do_not_matter(graphs: PackedGraphs, tmp_path: Path, batch_size: int) -> None:
    trainer = toy_trainer(graphs, tmp_path)
    val = graphs.subset("val")
    found = validate(
        trainer.model,
        BatchLoader(val, batch_size, shuffle=False),
        trainer.fabric,
        num_classes=2,
        cycle_weight=0.5,
    )
    trainer.model.eval()
    with torch.no_grad():
        logits = torch.cat([trainer.model(val.batch([i])).logits for i in range(len(val))])
    labels = torch.from_numpy(val.labels)
    assert found["val_acc"] == pytest.approx(float((logits.argmax(1) == labels).double().mean()))
    assert found["val_task_loss"] == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)), rel=1e-5)
    counts = logits.argmax(1).bincount(minlength=2)
    assert found["val_top_share"] == pytest.approx(float(counts.max() / counts.sum()))
    assert found["val_loss"] == pytest.approx(found["val_task_loss"] + 0.5 * found["val_cycle_loss"], rel=1e-5)


def test_spoilt_weights_are_told(graphs: PackedGraphs, tmp_path: Path) -> None:
    """The epoch's last step can spoil them; nothing of that epoch is written then."""
    trainer = toy_trainer(graphs, tmp_path, epochs=2)

    def spoil(at: Trainer) -> None:
        with torch.no_grad():
            next(at.model.parameters()).fill_(torch.nan)

    trainer.callbacks.append(AtStep(2 * len(trainer.train_loader), spoil))
    with pytest.raises(RunError, match="the validation loss became nan") as caught:
        trainer.fit()
    assert "learning_rate" in str(caught.value.hint)
    assert [line["epoch"] for line in trainer.run.read_history()] == [1]
    assert load_checkpoint(trainer.run.last)["epoch"] == 1


@pytest.mark.parametrize("mode", [True, False])
def test_the_mode_of_the_model_is_left(graphs: PackedGraphs, tmp_path: Path, mode: bool) -> None:
    trainer = toy_trainer(graphs, tmp_path)
    trainer.model.train(mode)
    trainer.validate()
    assert trainer.model.training is mode


def test_the_majority_line_is_that_of_the_validation_graphs(graphs: PackedGraphs, tmp_path: Path) -> None:
    labels = graphs.subset("val").labels
    assert toy_trainer(graphs, tmp_path).majority == np.bincount(labels).max() / len(labels)


def test_the_levels_are_those_of_the_first_graphs(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, num_levels=3)
    loader = trainer.val_loader
    found = level_metrics(trainer.model, loader, trainer.fabric, trainer.micro)
    assert found.items() <= trainer.validate().items()
    first = graphs.subset("val").batch(range(min(loader.batch_size, len(graphs.subset("val")))))
    trainer.model.eval()
    errors = trainer.model.level_errors(first).abstract  # type: ignore[operator]
    expected = {f"val_reconstruction_level_{level}": float(error.mean()) for level, error in enumerate(errors)}
    assert found == pytest.approx(expected, rel=1e-5)
    trainer.micro.size = 3
    assert level_metrics(trainer.model, loader, trainer.fabric, trainer.micro) == pytest.approx(found, rel=1e-5)
    for settings in ({"model": "flat", "flat_layers": 1}, {"num_levels": 1}):
        other = toy_trainer(graphs, tmp_path, **settings)
        assert level_metrics(other.model, other.val_loader, other.fabric, other.micro) == {}


def test_memory_that_runs_out_changes_nothing(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path)
    whole = trainer.validate()
    told: list[str] = []
    trainer.micro.tell = told.append
    with running_out(trainer.model, above=5):
        assert trainer.validate() == pytest.approx(whole, rel=1e-5)
    assert len(told) == 2
    assert trainer.micro.size == 4
