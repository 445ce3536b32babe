"""From a run to its evaluation: files, keys, and the refusal of what does not belong together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from nsm import pipeline
from nsm.analysis.run_results import read_result
from nsm.config import CausalConfig, Config
from nsm.data.triples import Sample
from nsm.errors import CheckpointError, ConfigError, RunError
from nsm.pipeline import domains
from nsm.runs import Run, list_runs
from nsm.training.checkpoints import load_checkpoint, save_checkpoint
from tests.training.toy_graphs import MarkedChains, running_out

KEYS = {
    "split",
    "samples",
    "accuracy",
    "majority",
    "ceiling",
    "auc",
    "ece",
    "per_class",
    "reconstruction_exact",
    "reconstruction_abstract",
    "decoded",
    "by_distance",
    "by_length",
    "protocol",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, toy_config: Config) -> Path:
    """A root with one run."""
    root = tmp_path_factory.mktemp("trained")
    pipeline.train(toy_config.model_copy(update={"root": root}), quiet=True)
    return root


@pytest.fixture
def run(trained: Path, config: Config) -> Run:
    """That run below the root of this test's own."""
    assert config.root is not None
    shutil.copytree(trained, config.root)
    return list_runs(config.root)[0]


def test_what_an_evaluation_leaves_behind(run: Run, config: Config) -> None:
    result = pipeline.evaluate(run, quiet=True)
    told = json.loads(run.final_results.read_text())
    assert told == result.figures
    assert told.keys() >= KEYS
    test = pipeline.load_graphs(config, quiet=True).subset("test")
    assert (told["split"], told["samples"]) == ("test", len(test))
    assert told["reconstruction_exact"] < 1e-5 < told["reconstruction_abstract"] < told["reconstruction_structure"]
    assert 0 < told["top_share"] < 1
    assert told["decoded_structure"].keys() == told["decoded"].keys() and told["decoded_structure"] != told["decoded"]
    table = pq.read_table(run.predictions).to_pydict()
    assert table["index"] == test.indices.tolist()
    right = [said == true for said, true in zip(table["predicted"], table["label"], strict=True)]
    assert sum(right) / len(right) == pytest.approx(told["accuracy"]) == pytest.approx(result.accuracy)
    names = {path.name for path in run.figures.iterdir()}
    assert {"confusion.png", "training_curves.png", "climb.png", "levels.png"} <= names
    (level,) = told["reconstruction_by_level"]
    assert level["level"] == 0
    assert level["exact"] < 1e-5 < level["abstract"]
    page = result.report.read_text(encoding="utf-8")
    assert "<html" in page
    assert "Parameters by part of the model" in page
    wrong = right.count(False)
    assert ("Surest mistakes" in page) == (wrong > 0)


def test_the_data_of_a_run_are_those_of_its_training(run: Run) -> None:
    assert pipeline.load_run_data(run, quiet=True).fingerprint == load_checkpoint(run.best)["data_fingerprint"]


def test_memory_that_runs_out_is_told_and_changes_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, model = pipeline.evaluate(run, quiet=True).figures, pipeline.load_model(run)
    assert "micro_batch" not in whole
    monkeypatch.setattr("nsm.pipeline.evaluation.load_model", lambda *_: model)
    with running_out(model, above=5):
        figures = pipeline.evaluate(run).figures
    assert figures["micro_batch"] == 4
    assert "out of memory with 16 graphs at a time: going on with 8" in capsys.readouterr().err
    for key in ("samples", "accuracy", "auc", "reconstruction_abstract"):
        assert figures[key] == pytest.approx(whole[key], rel=1e-5)


def test_another_checkpoint_leaves_files_of_its_own(run: Run) -> None:
    best = pipeline.evaluate(run, quiet=True)
    before = run.final_results.read_bytes()
    last = pipeline.evaluate(run, checkpoint=run.last, quiet=True)
    assert run.final_results.read_bytes() == before
    assert json.loads((run.folder / "final_results_last_test.json").read_text())["accuracy"] == last.accuracy
    assert last.pictures == run.folder / "figures_last_test" and list(last.pictures.glob("*.png"))
    assert best.pictures == run.figures
    assert last.logits.shape == best.logits.shape == (best.figures["samples"], 2)


def test_the_accuracy_is_that_of_training(run: Run) -> None:
    found = pipeline.evaluate(run, split="val", quiet=True)
    assert found.accuracy == pytest.approx(load_checkpoint(run.best)["val_acc"])
    names = {path.name for path in run.folder.iterdir()}
    assert {"final_results_val.json", "predictions_val.parquet", "report_val.html", "figures_val"} <= names
    assert "final_results.json" not in names


def test_other_data_leave_files_of_their_own(run: Run) -> None:
    own = pipeline.evaluate(run, quiet=True)
    before = run.final_results.read_bytes()
    found = pipeline.evaluate(run, overrides=["planning.graphs=200"], name="more", quiet=True)
    assert run.final_results.read_bytes() == before
    told = json.loads((run.folder / "final_results_more.json").read_text())
    assert told == found.figures
    assert told["split"] == "more"
    assert told["samples"] + told["data"]["left_out"] == 200
    assert told["temperature"] == own.figures["temperature"]  # fitted on what the run was validated on
    names = {path.name for path in run.folder.iterdir()}
    assert {"predictions_more.parquet", "report_more.html", "figures_more"} <= names
    result = read_result(run, "more")
    assert result is not None and result.fingerprint == told["data"]["fingerprint"]
    assert len(result.predictions.index) == told["samples"]
    compared = pipeline.compare([run.folder], root=run.folder.parents[2], split="more")
    assert [row.mean for row in compared.rows] == [found.accuracy]
    unnamed = pipeline.evaluate(run, overrides=["planning.graphs=200"], split="test", quiet=True).figures
    assert unnamed["split"] == f"{unnamed['data']['dataset']}_test"


def test_names_and_all_graphs_are_for_other_data(run: Run) -> None:
    for how in ({"name": "more"}, {"split": "all"}):
        with pytest.raises(ConfigError, match="are for other data"):
            pipeline.evaluate(run, quiet=True, **how)
    with pytest.raises(ConfigError, match="name: expected"):
        pipeline.evaluate(run, overrides=["seed=2"], name="test", quiet=True)


def test_a_run_that_was_moved(run: Run, config: Config, tmp_path: Path) -> None:
    root = config.root
    assert root is not None
    expected = pipeline.evaluate(run, quiet=True).figures
    shutil.move(root, tmp_path / "moved")
    assert pipeline.evaluate(run.name, root=tmp_path / "moved", quiet=True).figures == expected
    assert not root.exists()  # nothing is written where the run was
    alone = Path(shutil.copytree(tmp_path / "moved" / "planning" / "runs" / run.name, tmp_path / "alone"))
    assert pipeline.evaluate(alone, root=tmp_path / "moved", quiet=True).figures == expected


def test_the_flat_model_has_nothing_to_reconstruct(config: Config) -> None:
    run = pipeline.train(config.model_copy(update={"model": "flat"}), quiet=True).run
    told = pipeline.evaluate(run, quiet=True).figures
    assert told["reconstruction_by_level"] == []
    assert not (run.figures / "climb.png").exists()
    for name in ("reconstruction_exact", "reconstruction_abstract", "reconstruction_structure", "top_share"):
        assert told[name] is None
    assert (told["decoded"], told["decoded_structure"]) == (None, None)


@dataclass(frozen=True)
class LaterChains(MarkedChains):
    """The same chains as a later version of the code would make them."""

    shift: int | None = None

    def key(self) -> Mapping[str, Any]:
        return {**super().key(), "code": "later"}

    def chain(self, number: int) -> Sample:
        assert self.shift is not None, "this would be built again"
        return super().chain(number + self.shift)


def test_causal_runs_are_told_by_rung(config: Config) -> None:
    small = {"graphs": 240, "max_variables": 6, "hidden_share": 0.5, "allow_leaks": True}
    causal = config.model_copy(update={"domain": "causal", "causal": CausalConfig.model_validate(small), "epochs": 1})
    found = pipeline.evaluate(pipeline.train(causal, quiet=True).run, quiet=True).figures
    assert set(found["by_rung"]) == {"association", "intervention", "counterfactual"}
    assert set(found["by_confounder"]) <= {"none", "drawn", "undrawn"}
    assert all(part["majority"] < part["ceiling"] < 1 for part in found["by_rung"].values())
    assert found["ceiling"] > 0.9
    assert "by_family" not in found


def test_data_of_older_code_is_opened_by_its_name(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = pipeline.evaluate(run, quiet=True).figures
    monkeypatch.setitem(domains.TASKS, "planning", lambda _: domains.Task(LaterChains(120)))
    assert pipeline.evaluate(run, quiet=True).figures == expected


def test_data_that_is_gone_is_built_again_and_must_be_the_same(
    fresh: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = pipeline.train(fresh, quiet=True).run
    expected = pipeline.evaluate(run, quiet=True).figures
    monkeypatch.setitem(domains.TASKS, "planning", lambda _: domains.Task(LaterChains(120, shift=0)))
    shutil.rmtree(tmp_path / "root" / "data")
    assert pipeline.evaluate(run, quiet=True).figures == expected
    monkeypatch.setitem(domains.TASKS, "planning", lambda _: domains.Task(LaterChains(120, shift=2)))
    shutil.rmtree(tmp_path / "root" / "data")
    with pytest.raises(CheckpointError, match="not those that it was trained on"):
        pipeline.evaluate(run, quiet=True)


def test_from_another_folder_than_it_was_trained_in(
    toy_config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    relative = toy_config.model_copy(update={"root": Path("root"), "cache": Path("data")})
    run = pipeline.train(relative, quiet=True).run
    expected = pipeline.evaluate(run, quiet=True).figures
    monkeypatch.chdir(elsewhere)
    assert pipeline.evaluate(Path("..") / run.folder, quiet=True).figures == expected
    assert list(elsewhere.iterdir()) == []
    assert len(list((tmp_path / "data").glob("*/meta.json"))) == 1


def test_other_data_than_it_was_trained_on(run: Run) -> None:
    save_checkpoint(run.best, load_checkpoint(run.best) | {"data_fingerprint": "other"})
    with pytest.raises(CheckpointError, match="not those that it was trained on") as caught:
        pipeline.evaluate(run, quiet=True)
    assert caught.value.file == str(run.config)


def test_a_checkpoint_whose_schema_is_wrong(run: Run) -> None:
    checkpoint = load_checkpoint(run.best)
    right = checkpoint["schema"]
    spoiled = ({"relations": []}, {"labels": 3}, {"relations": ["next", "next"]}, {"roles": ["goal"]})
    for schema in (None, [], {}, {"domain": "planning"}, *(right | change for change in spoiled)):
        save_checkpoint(run.best, checkpoint | {"schema": schema})
        with pytest.raises(CheckpointError, match="damaged: its schema is wrong") as caught:
            pipeline.load_model(run)
        assert caught.value.file == str(run.best)
    save_checkpoint(run.best, checkpoint)
    assert isinstance(pipeline.load_model(run), torch.nn.Module)


def test_a_checkpoint_of_another_model(run: Run) -> None:
    checkpoint = load_checkpoint(run.best)
    schema = {**checkpoint["schema"], "relations": [*checkpoint["schema"]["relations"], "after"]}
    save_checkpoint(run.best, checkpoint | {"schema": schema})
    with pytest.raises(CheckpointError, match="for another model") as caught:
        pipeline.load_model(run)
    assert caught.value.file == str(run.best)


def test_what_is_not_there(run: Run, config: Config) -> None:
    with pytest.raises(RunError, match="no run is called 'none'"):
        pipeline.evaluate("none", root=config.root, quiet=True)
    run.best.unlink()
    with pytest.raises(CheckpointError, match="no checkpoint here"):
        pipeline.evaluate(run, quiet=True)
