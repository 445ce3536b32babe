"""TensorBoard's own reader finds every figure of the history."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from nsm.data.packed import PackedGraphs
from nsm.training.tensorboard import TensorBoard
from tests.training.toy_graphs import toy_trainer


def test_every_epoch_is_there(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, TensorBoard(), epochs=2)
    trainer.fit()
    reader = EventAccumulator(str(trainer.run.tensorboard))
    reader.Reload()
    tags = {"Loss/train": "train_loss", "Loss/val": "val_loss", "Accuracy/val": "val_acc"}
    tags |= {"Optimizer/learning_rate": "learning_rate", "Loss/val_cycle": "val_cycle_loss"}
    for tag, name in tags.items():
        points = reader.Scalars(tag)
        assert [point.step for point in points] == [1, 2]
        expected = [record.metrics[name] for record in trainer.history]
        assert [point.value for point in points] == pytest.approx(expected)
    assert [point.value for point in reader.Scalars("Accuracy/majority")] == pytest.approx([trainer.majority] * 2)
