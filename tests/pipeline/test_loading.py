"""Models come back from checkpoints and from bare weights, or one clear error does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nsm import pipeline
from nsm.config import Config
from nsm.errors import CheckpointError
from nsm.pipeline.loading import load_model, open_model
from nsm.runs import Run
from tests.training.test_trainer import equal


@pytest.fixture(scope="module")
def trained(toy_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("trained")
    wide = toy_config.model_copy(update={"root": root, "run": "wide", "channels": 2 * toy_config.channels, "epochs": 1})
    narrow = toy_config.model_copy(update={"root": root, "run": "narrow", "epochs": 1})
    run = pipeline.train(narrow, quiet=True).run
    pipeline.train(wide, quiet=True)
    return run


@pytest.fixture(scope="module")
def by_hand(trained: Run) -> Path:
    """Weights as a user saves them, beside the runs."""
    path = trained.folder.parents[1] / "experiment_high_cycle_weight.pt"
    torch.save(load_model(trained).state_dict(), path)
    return path


def test_bare_weights_of_a_run(trained: Run, by_hand: Path) -> None:
    model = load_model(trained, checkpoint=by_hand)
    assert not model.training
    assert equal(model.state_dict(), load_model(trained).state_dict())
    with pytest.raises(CheckpointError, match="for another model"):
        load_model(Run(trained.folder.with_name("wide")), checkpoint=by_hand)


def test_no_run_need_be_named(trained: Run, by_hand: Path, toy_config: Config, tmp_path: Path) -> None:
    root = trained.folder.parents[2]
    expected = load_model(trained).state_dict()
    assert equal(open_model(by_hand, root=root).state_dict(), expected)  # the run that fits, not the latest
    assert equal(open_model(trained.best).state_dict(), expected)
    assert equal(open_model(str(by_hand), config=toy_config).state_dict(), expected)
    with pytest.raises(CheckpointError, match="none of the 0 runs in") as caught:
        open_model(by_hand, root=tmp_path)
    assert "config=" in str(caught.value.hint)


def test_what_is_no_checkpoint(trained: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.pt"
    torch.save({"weight": torch.zeros(3)}, other)
    with pytest.raises(CheckpointError, match="none of the 2 runs"):
        open_model(other, root=trained.folder.parents[2])
    torch.save([1, 2], other)
    with pytest.raises(CheckpointError, match="no checkpoint of NSM"):
        open_model(other)
    with pytest.raises(CheckpointError, match="there is no checkpoint here"):
        open_model(tmp_path / "missing.pt")
    lost = Run(tmp_path)
    torch.save({"weight": torch.zeros(3)}, other)
    with pytest.raises(CheckpointError, match="no whole checkpoint"):
        load_model(lost, checkpoint=other)


def test_a_file_alone_makes_no_code_run(toy_config: Config, tmp_path: Path) -> None:
    """A network of one's own comes back through its run, or by a configuration, but not because a file names it."""
    path = "tests.models.test_imported:make_hierarchy"
    config = toy_config.model_copy(update={"root": tmp_path, "run": "own", "epochs": 1, "model": path})
    run = pipeline.train(config, quiet=True).run
    expected = load_model(run).state_dict()
    assert equal(open_model(run.best, config=config).state_dict(), expected)
    with pytest.raises(CheckpointError, match="is not imported because a file says so") as caught:
        open_model(run.best)
    assert caught.value.file == str(run.best)
    bare = tmp_path / "bare.pt"
    torch.save(expected, bare)
    with pytest.raises(CheckpointError, match="none of the 0 runs"):
        open_model(bare, root=tmp_path)
    assert equal(open_model(bare, config=config).state_dict(), expected)
