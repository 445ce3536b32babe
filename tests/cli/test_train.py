"""``nsm train``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from nsm.config import load_config
from nsm.training import Callback, EpochRecord, Trainer
from nsm.training.checkpoints import load_checkpoint
from tests.cli.conftest import Command, JsonCommand
from tests.training.test_trainer import AtStep, request_stop


def test_one_object_with_the_keys_that_tools_rely_on(nsm_json: JsonCommand, settings: Path) -> None:
    status, told = nsm_json("train", "planning", "--config", str(settings), "--run", "one")
    assert status == 0
    assert told.keys() == {"run", "epochs", "best_epoch", "best_val_acc", "seconds", "interrupted"}
    assert (told["epochs"], told["interrupted"]) == (2, False)
    assert Path(told["run"]) == settings.parent / "root" / "planning" / "runs" / "one"


def test_options_beat_settings_beat_the_file(nsm: Command, settings: Path) -> None:
    root = settings.parent / "elsewhere"
    status, out, err = nsm(
        *("train", "planning", "--config", str(settings), "--set", "epochs=5", "--set", "lr=1e-4"),
        *(
            "--epochs",
            "1",
            "--seed",
            "3",
            "--model",
            "flat",
            "--root",
            str(root),
            "--run",
            "named",
            "--allow-leaks",
        ),
    )
    assert status == 0
    config = load_config(root / "planning" / "runs" / "named" / "config.toml")
    assert (config.epochs, config.seed, config.model, config.learning_rate) == (1, 3, "flat", 1e-4)
    assert config.planning.allow_leaks
    assert "leaks are allowed" in err
    assert "epoch 1/1" in err
    assert f"nsm evaluate {root / 'planning' / 'runs' / 'named'}" in out


def test_quiet(nsm: Command, settings: Path) -> None:
    status, out, err = nsm("train", "planning", "--config", str(settings), "--quiet")
    assert status == 0
    assert err == ""
    assert "best validation accuracy" in out


def test_a_runs_own_configuration_repeats_it(nsm_json: JsonCommand, settings: Path) -> None:
    first = nsm_json("train", "planning", "--config", str(settings), "--run", "one")[1]
    again = nsm_json("train", "planning", "--config", f"{first['run']}/config.toml", "--run", "two")[1]
    assert again["best_val_acc"] == first["best_val_acc"]
    status, told = nsm_json("train", "planning", "--config", f"{first['run']}/config.toml")
    assert (status, told["error"]) == (2, "run 'one' exists already")


def test_without_a_validation_there_is_nothing_to_evaluate(
    nsm: Command, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(Callback):
        def __init__(self, console: object) -> None:
            del console

        def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
            del record
            trainer.stop_requested = True

    arguments = ("train", "planning", "--config", str(settings), "--set", "eval_every=2", "--quiet")
    assert "nsm evaluate" in nsm(*arguments, "--run", "whole")[1]
    monkeypatch.setattr("nsm.pipeline.training.TrainingProgress", Stop)
    status, out, _ = nsm(*arguments, "--run", "half")
    assert status == 0
    assert out.startswith("interrupted after 1 epochs")
    assert "nsm evaluate" not in out
    assert "accuracy" not in out
    folder = settings.parent / "root" / "planning" / "runs" / "half"
    assert f"run       {folder}" in out
    assert (folder / "last.pt").exists()
    status, _, err = nsm("evaluate", str(folder))
    assert (status, err) == (2, f"Error: {folder / 'best_model.pt'}: there is no checkpoint here\n")


def test_own_problems(nsm: Command, settings: Path, tmp_path: Path) -> None:
    options = ("--pddl", str(tmp_path), "--plans", str(tmp_path), "--run", "own", "--quiet")
    assert nsm("train", "planning", "--config", str(settings), *options)[0] == 0
    planning = load_config(tmp_path / "root" / "planning" / "runs" / "own" / "config.toml").planning
    assert (planning.pddl, planning.plans, planning.plan_source) == (tmp_path, tmp_path, "files")


TOY_COMMAND = """
import sys
from nsm.cli.main import main
from nsm.pipeline import domains
from tests.pipeline.conftest import open_toy
domains.TASKS["planning"] = open_toy
main(sys.argv[1:])
"""


def test_ctrl_c_saves_and_ends_in_order(settings: Path) -> None:
    arguments = (
        "train",
        "planning",
        "--config",
        str(settings),
        "--epochs",
        "100000",
        "--allow-leaks",
        "--json",
    )
    command = [sys.executable, "-c", TOY_COMMAND, *arguments]
    with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch"):
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    told = json.loads(out)
    assert told["interrupted"] is True
    assert 1 <= told["epochs"] < 100_000
    last = Path(told["run"]) / "last.pt"
    assert f"stopped; the state so far is in {last}" in err
    assert load_checkpoint(last)["resources"]["interrupted"] is True


def test_a_run_goes_on(nsm: Command, settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("--config", str(settings), "--set", "workers=0", "--run", "parts")
    with monkeypatch.context() as patch:
        patch.setattr("nsm.pipeline.training.TensorBoard", lambda _: AtStep(2, request_stop))
        status, out, err = nsm("train", "planning", *arguments)
    folder = settings.parent / "root" / "planning" / "runs" / "parts"
    assert (status, out.splitlines()[0][:24]) == (0, "interrupted after 0 epoc")
    assert f"stopped; the state so far is in {folder / 'last.pt'}" in err
    assert f"go on     nsm train --resume {folder}" in out
    status, out, err = nsm("train", "--resume", "parts", "--root", str(settings.parent / "root"), "--epochs", "3")
    assert status == 0
    assert out.startswith("finished after 3 epochs")
    assert "go on" not in out
    assert load_config(folder / "config.toml").epochs == 3


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("planning",), "DOMAIN"),
        (("--seed", "1"), "--seed"),
        (("--run", "again"), "--run"),
        (("--allow-leaks",), "--allow-leaks"),
        (("--config", "small.toml"), "--config"),
    ],
)
def test_going_on_takes_what_the_run_says(nsm: Command, given: tuple[str, ...], named: str) -> None:
    status, out, err = nsm("train", *given, "--resume", "parts")
    assert (status, out) == (2, "")
    assert f"but {named} was given too" in err
    assert "--epochs, --set, --root" in err


def test_a_run_that_is_not_there(nsm: Command, tmp_path: Path) -> None:
    status, _, err = nsm("train", "--resume", "parts", "--root", str(tmp_path))
    assert status == 2
    assert "no run is called 'parts'" in err
