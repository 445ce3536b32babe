"""Training end to end on a toy domain: what is refused, what is written, what is promoted."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import torch

from nsm import pipeline
from nsm.config import Config, load_config
from nsm.errors import CheckpointError, ConfigError, DataError, RunError
from nsm.models.boosting import Boosting
from nsm.models.order_scale import OrderScale
from nsm.pipeline.datasets import default_dataset_name, read_audit
from nsm.runs import exclusive, find_run, list_runs, write_json
from nsm.training import Callback, StepRecord, Trainer
from nsm.training.checkpoints import load_checkpoint
from tests.training.test_state import same
from tests.training.test_trainer import AtStep, request_stop


def test_a_run_tells_exactly_what_ran(config: Config, tmp_path: Path) -> None:
    result = pipeline.train(config, quiet=True)
    assert result.run.folder.parent == tmp_path / "root" / "planning" / "runs"
    assert load_config(result.run.config) == config
    provenance = tomllib.loads(result.run.config.read_text())["provenance"]
    checkpoint = load_checkpoint(result.run.best)
    assert provenance["data_fingerprint"] == checkpoint["data_fingerprint"]
    assert provenance["torch"] == torch.__version__
    assert provenance["majority"] == json.loads(result.run.training_history.read_text())["majority"]
    assert "ceiling" not in provenance  # nobody knows it
    model = pipeline.load_model(result.run)
    assert provenance["parameters"] == sum(p.numel() for p in model.parameters())
    assert find_run(result.run.name, tmp_path / "root") == result.run
    assert list(result.run.tensorboard.iterdir())


def test_one_seed_gives_one_history(config: Config) -> None:
    first, second = (pipeline.train(config, quiet=True).run for _ in range(2))
    assert first != second
    metrics = [[line["metrics"] for line in run.read_history()] for run in (first, second)]
    assert metrics[0] == metrics[1]


def test_boosting_is_fitted_once_and_goes_on_with_its_trees(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    boosting = config.model_copy(update={"model": "boosting"})
    whole = pipeline.train(boosting, quiet=True)
    model = pipeline.load_model(whole.run)
    assert model.value.any()
    assert pipeline.evaluate(whole.run, quiet=True).figures["accuracy"] == 1  # a marked node can be counted
    stopped = pipeline.train(boosting, callbacks=[AtStep(5, request_stop)], quiet=True)
    assert stopped.interrupted
    monkeypatch.delattr(Boosting, "fit")  # a run that goes on has its trees
    one, other = (load_checkpoint(run.last) for run in (pipeline.resume(stopped.run, quiet=True).run, whole.run))
    assert [key for key in one if key not in ("resources", "config") and not same(one[key], other[key])] == []


def test_threads_are_those_of_before(config: Config) -> None:
    seen: list[int] = []

    class Watch(Callback):
        def on_start(self, trainer: Trainer) -> None:
            seen.append(torch.get_num_threads())
            trainer.stop_requested = True

    before = torch.get_num_threads()
    pipeline.train(config.model_copy(update={"threads": 2}), callbacks=[Watch()], quiet=True)
    assert (seen, torch.get_num_threads()) == ([2], before)


def test_what_cannot_be_written_is_refused_before_any_work(config: Config, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(RunError, match="cannot write"):
        pipeline.train(config.model_copy(update={"root": file}), quiet=True)
    with pytest.raises(RunError) as caught:
        pipeline.train(config.model_copy(update={"cache": file}), quiet=True)
    assert "$NSM_CACHE" in (caught.value.hint or "")
    named = config.model_copy(update={"run": "one"})
    pipeline.train(named, quiet=True)
    with pytest.raises(RunError, match="exists already"):
        pipeline.train(named.model_copy(update={"cache": tmp_path / "unused"}), quiet=True)
    assert not (tmp_path / "unused").exists()


def test_a_training_that_cannot_begin_leaves_nothing(config: Config, tmp_path: Path) -> None:
    here = {"precision": "16-mixed", "accelerator": "cpu", "root": tmp_path / "new", "cache": None}
    with pytest.raises(ConfigError, match="needs a GPU"):
        pipeline.train(config.model_copy(update=here), quiet=True)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("part", ["build_model", "_record"])
def test_whatever_fails_before_the_first_step_leaves_no_run(
    config: Config, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(f"nsm.pipeline.training.{part}", fail)
    with pytest.raises(MemoryError):
        pipeline.train(config, quiet=True)
    assert config.root is not None
    assert list(config.root.glob("planning/runs/*")) == []


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_training_that_fails_keeps_what_it_has_learned(config: Config, epoch: int) -> None:
    class Fail(Callback):
        def on_step(self, trainer: Trainer, record: StepRecord) -> None:
            del trainer
            if record.epoch == epoch:
                raise MemoryError

    with pytest.raises(MemoryError):
        pipeline.train(config, callbacks=[Fail()], quiet=True)
    assert config.root is not None
    runs = list_runs(config.root)
    assert [len(run.read_history()) for run in runs] == [1] * (epoch - 1)
    assert all(run.last.exists() and run.training_history.exists() for run in runs)
    assert len(list((config.root / "planning" / "runs").iterdir())) == len(runs)


def test_data_that_fails_its_audit_is_refused_unless_leaks_are_allowed(
    fresh: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    config = fresh
    graphs = pipeline.load_graphs(config, quiet=True)
    found = {"fingerprint": graphs.fingerprint, "verdict": "fail", "reasons": ["sizes tell the label"]}
    write_json(graphs.folder.with_name(f"{graphs.folder.name}.audit.json"), found)
    with pytest.raises(DataError, match="the audit fails: sizes tell the label") as caught:
        pipeline.train(config, quiet=True)
    assert "--allow-leaks" in str(caught.value.hint)
    assert not list((config.root or Path()).glob("planning/runs/*"))
    planning = config.planning.model_copy(update={"allow_leaks": True})
    pipeline.train(config.model_copy(update={"planning": planning}))
    assert "skipped, since leaks are allowed" in capsys.readouterr().err


def test_an_audit_is_made_once_per_data_set(fresh: Config, capsys: pytest.CaptureFixture[str]) -> None:
    config = fresh
    pipeline.train(config)
    assert "auditing 120 graphs" in capsys.readouterr().err
    found = read_audit(pipeline.load_graphs(config, quiet=True))
    assert found is not None
    assert found["verdict"] == "inconclusive"
    pipeline.train(config)
    said = capsys.readouterr().err
    assert "auditing" not in said
    assert "audit: inconclusive; 120 graphs are too few" in said


def test_a_trivial_task_fails_its_audit(config: Config) -> None:
    planning = config.planning.model_copy(update={"graphs": 600})
    with pytest.raises(DataError, match="the audit fails"):
        pipeline.train(config.model_copy(update={"planning": planning}), quiet=True)


def test_promotion_to_the_domain_or_to_the_data_set(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    home = (config.root or Path()) / "planning"
    result = pipeline.train(config, quiet=True)
    dataset = pipeline.load_graphs(config, quiet=True).folder.name
    assert dataset != default_dataset_name("planning")
    assert (home / dataset / "best_model.pt").read_bytes() == result.run.best.read_bytes()
    assert not (home / "best_model.pt").exists()
    monkeypatch.setattr("nsm.pipeline.training.default_dataset_name", lambda _: dataset)
    result = pipeline.train(config, quiet=True)
    assert (home / "best_model.pt").read_bytes() == result.run.best.read_bytes()


def test_a_loop_of_ones_own(config: Config) -> None:
    trainer = pipeline.build_trainer(config, quiet=True)
    assert [record.epoch for record in trainer.epochs()] == [1, 2]
    assert not trainer.result.interrupted


def test_the_longest_training_graph_is_known_before_the_first_step(config: Config) -> None:
    trainer = pipeline.build_trainer(config, quiet=True)
    train = pipeline.load_graphs(config, quiet=True).subset("train")
    (scale,) = (module for module in trainer.model.modules() if isinstance(module, OrderScale))
    assert scale.longest.item() == int(train.batch(range(len(train))).order.max()) > 0


def stop_at(step: int) -> Callback:
    """Asks to stop after a step of this process."""
    return AtStep(step, request_stop)


def test_finish_does_after_a_loop_what_train_does_at_its_end(config: Config) -> None:
    trainer = pipeline.build_trainer(config, quiet=True)
    for _ in trainer.epochs():
        assert torch.get_num_threads() == config.threads
    result = pipeline.finish(trainer, quiet=True)
    promoted = {path.parent for path in trainer.run.folder.parents[1].rglob("best_model.pt")} - {trainer.run.folder}
    assert len(promoted) == 1
    assert (result.run, result.epochs, result.interrupted) == (trainer.run, config.epochs, False)


def test_a_run_goes_on_with_other_workers_to_the_same_end(config: Config) -> None:
    whole = pipeline.train(config.model_copy(update={"run": "whole", "dropout": 0.2}), quiet=True)
    settings = config.model_copy(update={"run": "parts", "dropout": 0.2, "workers": 2})
    first = pipeline.train(settings, callbacks=[stop_at(2)], quiet=True)
    assert (first.interrupted, first.epochs) == (True, 0)
    second = pipeline.resume("parts", root=config.root, callbacks=[stop_at(5)], overrides=["workers=1"], quiet=True)
    assert (second.interrupted, second.epochs) == (True, 1)
    third = pipeline.resume(second.run.folder, overrides=["workers=0"], quiet=True)
    assert (third.interrupted, third.epochs, third.best_val_acc) == (False, 2, whole.best_val_acc)
    for name in ("best", "last"):
        one, other = (load_checkpoint(getattr(result.run, name)) for result in (whole, third))
        assert [key for key in one if key not in ("resources", "config") and not same(one[key], other[key])] == []
    assert load_config(third.run.config).workers == 0


def test_a_finished_run_is_trained_for_longer(config: Config) -> None:
    run = pipeline.train(config, quiet=True).run
    assert pipeline.resume(run, quiet=True).epochs == 2
    assert pipeline.resume(run, epochs=3, quiet=True).epochs == 3
    assert [line["epoch"] for line in run.read_history()] == [1, 2, 3]
    with pytest.raises(ConfigError, match="expected at least the 3 that are finished, got 2"):
        pipeline.resume(run, epochs=2, quiet=True)


def test_going_on_is_refused_where_it_would_be_another_training(config: Config) -> None:
    run = pipeline.train(config, callbacks=[stop_at(3)], quiet=True).run
    text = run.config.read_text(encoding="utf-8")
    before = {path: path.read_bytes() for path in run.checkpoints}

    def edit(old: str, new: str) -> None:
        assert text.count(old) == 1
        run.config.write_text(text.replace(old, new), encoding="utf-8")

    edit("channels = 8", "channels = 12")
    with pytest.raises(CheckpointError, match="the configuration has changed: channels from 8 to 12"):
        pipeline.resume(run, quiet=True)
    edit('data_fingerprint = "', 'data_fingerprint = "0')
    with pytest.raises(CheckpointError, match="are not those that it was trained on"):
        pipeline.resume(run, quiet=True)
    run.config.write_text(text, encoding="utf-8")
    with exclusive(run), pytest.raises(RunError, match="is being trained by process"):
        pipeline.resume(run, quiet=True)
    assert {path: path.read_bytes() for path in run.checkpoints} == before
    assert pipeline.resume(run, quiet=True).epochs == 2
