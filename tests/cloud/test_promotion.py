from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from nsm import pipeline
from nsm.cloud import promotion
from nsm.cloud.promotion import promote_again, promote_fetched, recorded_dataset
from nsm.config import Config
from nsm.runs import Run
from nsm.training.checkpoints import load_checkpoint, save_checkpoint
from tests.pipeline.conftest import _toy_domain, toy_config

__all__ = ["_toy_domain", "toy_config"]


@pytest.fixture
def trained(toy_config: Config, tmp_path: Path) -> tuple[Config, Run]:
    config = toy_config.model_copy(update={"root": tmp_path, "run": "a", "epochs": 1})
    return config, pipeline.train(config, quiet=True).run


def with_accuracy(source: Path, target: Path, value: float, **changes: object) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(target, {**load_checkpoint(source), "val_acc": value, **changes})


def test_runs_on_other_data_fill_the_domains_place_until_the_default_data_take_it(trained: tuple[Config, Run]) -> None:
    config, run = trained
    assert config.root is not None
    general, own = config.root / "planning" / "best_model.pt", recorded_dataset(run)
    assert own is not None
    assert promote_again(config, run) == [general]  # that of its data set was taken by the training
    assert promote_again(config, run) == []
    with_accuracy(run.best, general, 0.1)
    assert promote_again(config, run) == [general]  # the same data, a worse model
    with_accuracy(run.best, general, 0.1, data_fingerprint="of the default data")
    assert promote_again(config, run) == []


def test_what_another_container_committed_is_compared_again(trained: tuple[Config, Run]) -> None:
    config, run = trained
    assert config.root is not None
    place = config.root / "planning" / str(recorded_dataset(run)) / "best_model.pt"
    with_accuracy(run.best, place, 2.0)
    promote_again(config, run)
    assert load_checkpoint(place)["val_acc"] == 2.0
    with_accuracy(run.best, place, -1.0)
    assert place in promote_again(config, run)


def test_the_default_data_have_the_domains_place(trained: tuple[Config, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    config, run = trained
    assert config.root is not None
    monkeypatch.setattr(promotion, "default_dataset_name", lambda _: recorded_dataset(run))
    shutil.rmtree(config.root / "planning" / str(recorded_dataset(run)))
    assert promote_again(config, run) == [config.root / "planning" / "best_model.pt"]
    assert not (config.root / "planning" / str(recorded_dataset(run))).exists()


def test_a_fetched_model_takes_the_place_of_a_worse_one(trained: tuple[Config, Run]) -> None:
    config, run = trained
    assert config.root is not None
    fetched, place = config.root / "fetched.pt", config.root / "place" / "best_model.pt"
    with_accuracy(run.best, fetched, 0.5)
    os.utime(fetched, (100, 100))
    place.parent.mkdir()
    assert promote_fetched(fetched, place, is_ours=True) and place.stat().st_mtime == 100
    with_accuracy(run.best, place, 0.6)
    assert not promote_fetched(fetched, place, is_ours=True)
    with_accuracy(run.best, place, 0.4)
    assert promote_fetched(fetched, place, is_ours=True)


def test_a_model_of_other_data_that_was_made_here_stays(trained: tuple[Config, Run]) -> None:
    config, run = trained
    assert config.root is not None
    fetched, place = config.root / "fetched.pt", config.root / "place" / "best_model.pt"
    with_accuracy(run.best, fetched, 0.5)
    with_accuracy(run.best, place, 0.4, data_fingerprint="of other data")
    assert not promote_fetched(fetched, place, is_ours=True)
    assert promote_fetched(fetched, place, is_ours=False)
