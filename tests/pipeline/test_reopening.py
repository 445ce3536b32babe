"""A run opened again: where it is now, with its own data, and only with what may change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nsm import pipeline
from nsm.analysis.run_results import read_tables
from nsm.config import Config
from nsm.errors import CheckpointError, ConfigError
from nsm.pipeline.datasets import load_graphs
from nsm.pipeline.reopening import continued_config, require_continuation, run_config, run_graphs
from nsm.runs import Run


@pytest.fixture(scope="module")
def trained(toy_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of two epochs."""
    root = tmp_path_factory.mktemp("trained")
    return pipeline.train(toy_config.model_copy(update={"root": root, "run": "first"}), quiet=True).run


def test_a_run_is_where_it_is_now(trained: Run, tmp_path: Path) -> None:
    moved = Run(Path(shutil.copytree(trained.folder, tmp_path / "planning" / "runs" / "renamed")))
    config = run_config(moved)
    assert (config.root, config.run, config.epochs) == (tmp_path, "renamed", 2)
    loose = Run(Path(shutil.copytree(trained.folder, tmp_path / "loose")))
    assert (run_config(loose).root, run_config(loose, tmp_path).root) == (None, tmp_path)
    assert run_config(moved, None, ["epochs=3"], seed=7).epochs == 3


def test_its_data_are_those_of_the_cache_or_made_again(trained: Run, tmp_path: Path) -> None:
    fingerprint, config = read_tables(trained)[1]["data_fingerprint"], run_config(trained)
    found = run_graphs(trained, config, fingerprint, quiet=True)
    assert found.fingerprint == fingerprint
    elsewhere = config.model_copy(update={"cache": tmp_path / "empty"})
    assert run_graphs(trained, elsewhere, fingerprint, quiet=True).fingerprint == fingerprint
    with pytest.raises(CheckpointError, match="are not those that it was trained on"):
        run_graphs(trained, config, "another", quiet=True)


def test_what_may_change_and_what_not(trained: Run) -> None:
    config = continued_config(trained, epochs=5, overrides=["workers=0", "keep=1"])
    assert (config.epochs, config.workers, config.keep) == (5, 0, 1)
    with pytest.raises(ConfigError, match="channels: a run goes on with what it began with") as caught:
        continued_config(trained, overrides=["channels=12"])
    assert "begin a new run" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="run: expected nothing here"):
        continued_config(trained, overrides=["run=other"])


def test_before_anything_is_changed(trained: Run, config: Config, tmp_path: Path) -> None:
    mine, fingerprint = run_config(trained), load_graphs(config, quiet=True).fingerprint
    require_continuation(trained, mine, fingerprint)
    require_continuation(Run(tmp_path), mine, "nothing has been trained there yet")
    with pytest.raises(ConfigError, match="expected at least the 2 that are finished, got 1"):
        require_continuation(trained, mine.model_copy(update={"epochs": 1}), fingerprint)
    with pytest.raises(CheckpointError, match="the data are others"):
        require_continuation(trained, mine, "another")
    with pytest.raises(CheckpointError, match="configuration has changed: channels"):
        require_continuation(trained, mine.model_copy(update={"channels": 12}), fingerprint)


def test_a_run_runs_no_code_that_came_with_it(trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(Path(shutil.copytree(trained.folder, tmp_path / "planning" / "runs" / "theirs")))
    text = run.config.read_text()
    (run.folder / "their_code.py").write_text("raise SystemExit('this must not be imported')\n")
    for wanted in (
        text.replace('model = "hierarchy"', 'model = "their_code:Net"'),
        text.replace("[own]", '[own]\nsource = "their_code:source"'),
    ):
        assert wanted != text
        run.config.write_text(wanted)
        assert run_config(run)  # nothing is imported, and from here nothing of the run's would be
        if "their_code:source" in wanted:
            with pytest.raises(ConfigError, match="made by their_code:source, so there is no folder"):
                run_config(run, data=tmp_path)
        with monkeypatch.context() as here:
            here.chdir(run.folder)
            with pytest.raises(ConfigError, match="lies inside a run"):
                run_config(run)
