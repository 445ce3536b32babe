"""The examples are short, and do all that they promise: train, stop and go on, audit, evaluate, compare."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nsm.training.checkpoints import load_checkpoint

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
MODEL, DOMAIN = "custom_model:GraphTransformer", "custom_domain:towns"
TINY = ("channels=8", "epochs=8", "accelerator=cpu", f"own.source={DOMAIN}")

Run = Callable[..., dict[str, Any]]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from nsm.cli.main import main; main()", *arguments]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder, with the examples in it and nothing else."""
    place = tmp_path_factory.mktemp("work")
    for example in EXAMPLES:
        shutil.copy(example, place)
    return place


@pytest.fixture(scope="module")
def nsm(folder: Path) -> Run:
    """Runs the command line in that folder, which is on no path of Python; gives its JSON."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}

    def run(*arguments: str, status: int = 0, cwd: Path = folder) -> dict[str, Any]:
        done = subprocess.run(
            command(*arguments, "--json"), cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    return run


def options(*settings: str) -> list[str]:
    return [word for setting in (*TINY, *settings) for word in ("--set", setting)]


@pytest.fixture(scope="module")
def trained(nsm: Run, folder: Path) -> Path:
    """Both networks on the user's domain."""
    nsm("train", "own", *options(f"model={MODEL}"), "--run", "mine")
    nsm("train", "own", *options("model=flat"), "--run", "theirs")
    return folder / "checkpoints" / "own" / "runs"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_they_are_short(example: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) < 60


def test_the_data_pass_their_audit(nsm: Run) -> None:
    told = nsm("audit", "own", *options())
    assert (told["verdict"], told["confirmed"], told["duplicates"]) == ("pass", 1.0, 0)
    assert told["probe"] < 0.53


def test_evaluated_and_compared(nsm: Run, trained: Path) -> None:
    figures = {name: nsm("evaluate", str(trained / name)) for name in ("mine", "theirs")}
    assert figures["theirs"]["majority"] == 0.5
    found = nsm("compare", "own")
    assert {row["model"] for row in found["rows"]} == {MODEL, "flat"}
    assert {row["mean"] for row in found["rows"]} == {one["accuracy"] for one in figures.values()}
    assert len(found["pairs"]) == 1


def test_a_training_that_is_stopped_goes_on_to_the_same_weights(nsm: Run, trained: Path, folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    arguments = command("train", "own", *options(f"model={MODEL}"), "--run", "stopped")
    with subprocess.Popen(arguments, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 1/"):
                process.send_signal(signal.SIGINT)
                break
        process.stderr.read()
    last = trained / "stopped" / "last.pt"
    assert load_checkpoint(last)["epoch"] < 8
    assert nsm("train", "--resume", "stopped")["epochs"] == 8
    one, other = (load_checkpoint(trained / name / "last.pt")["model_state_dict"] for name in ("mine", "stopped"))
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


def test_changed_code_makes_the_data_again(nsm: Run, trained: Path, folder: Path, tmp_path: Path) -> None:
    sets = {path.name for path in (folder / "checkpoints" / "data").glob("towns-*") if path.is_dir()}
    assert len(sets) == 1
    other = tmp_path / "other"
    shutil.copytree(folder, other, ignore=shutil.ignore_patterns("checkpoints"))
    code = other / "custom_domain.py"
    code.write_text(code.read_text(encoding="utf-8").replace("range(0, 1000, 100)", "range(0, 600, 100)"))
    assert nsm("audit", "own", *options(), "--root", str(tmp_path), cwd=other)["samples"] == 1200
    assert {path.name for path in (tmp_path / "data").glob("towns-*") if path.is_dir()}.isdisjoint(sets)
    assert trained.is_dir()


def test_a_run_is_evaluated_where_its_code_is_and_nowhere_else(nsm: Run, trained: Path, tmp_path: Path) -> None:
    told = nsm("evaluate", str(trained / "mine"), status=2, cwd=tmp_path)
    assert told["error"] == "model: there is no module 'custom_model'"
    inside = tmp_path / "own" / "runs" / "mine"
    shutil.copytree(trained / "mine", inside)
    shutil.copy(ROOT / "examples" / "custom_model.py", inside)
    told = nsm("evaluate", ".", status=2, cwd=inside)
    assert "lies inside a run" in told["error"]


def test_several_processes_make_the_data(nsm: Run, tmp_path: Path) -> None:
    told = nsm("audit", "own", *options("workers=2"), "--root", str(tmp_path))
    assert told["samples"] == 2000
