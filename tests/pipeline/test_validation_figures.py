"""Pictures of the validation graphs, from the weights that the trainer has."""

from __future__ import annotations

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from nsm import pipeline
from nsm.config import Config
from nsm.pipeline.validation_figures import draw_validation


def test_the_confusion_is_that_of_the_best_epoch(config: Config) -> None:
    trainer = pipeline.build_trainer(config, quiet=True)
    result = trainer.fit()
    trainer.model.train()
    drawn = draw_validation(trainer)
    assert trainer.model.training
    counts = [int(text.get_text().split("\n")[0]) for text in drawn["confusion"].axes[0].texts]
    labels = trainer.val_loader.graphs.labels
    assert sum(counts) == len(labels)
    assert (counts[0] + counts[3]) / len(labels) == pytest.approx(result.best_val_acc)
    assert f"{len(labels)} predictions" in drawn["confidence"].axes[0].get_title(loc="left")
    reader = EventAccumulator(str(result.run.tensorboard))
    reader.Reload()
    assert set(reader.Tags()["images"]) == {"Validation/confusion", "Validation/confidence"}
