"""A state is told from a folder, whatever is missing or half written in it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from nsm.analysis.run_states import read_records, read_state, run_summary, state_of
from nsm.runs import Run, exclusive
from nsm.training.records import Position
from tests.analysis.made_runs import add_history, end, evaluate_as, make_run

NOW = 2_000_000_000.0


def touch(run: Run, age: float) -> None:
    """Makes every file of the run so many seconds old."""
    for path in run.folder.rglob("*"):
        os.utime(path, (NOW - age, NOW - age))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = make_run(tmp_path, "a", provenance={"majority": 0.5, "ceiling": 0.9})
    add_history(run, 2)
    return run


def test_a_run_under_way(run: Run) -> None:
    touch(run, 30)
    at = read_state(run, now=NOW)
    assert (at.state, at.epoch, at.epochs, at.rate, at.left) == ("running", 2, 4, 300.0, 4.0)
    assert (at.majority, at.ceiling) == (0.5, 0.9)
    assert at.rows[-1]["memory_mib"] == 400.0
    assert run_summary(run, now=NOW) == (
        "running: epoch 2 of 4, 300 graphs/s, 4 s left, "
        "validation accuracy 70.0%, best 70.0% at epoch 2, majority 50.0%"
    )


def test_silence_makes_it_stale_and_long_epochs_take_longer(run: Run) -> None:
    touch(run, 130)
    assert state_of(run, 2.0, now=NOW) == "stale"
    assert state_of(run, 100.0, now=NOW) == "running"
    assert read_state(run, now=NOW).left is None
    run.history.unlink()
    assert read_state(run, now=NOW).state == "running"  # the first epoch may take long
    touch(run, 3600)
    assert read_state(run, now=NOW).state == "stale"


def test_the_end_and_what_comes_after(run: Run) -> None:
    end(run)
    touch(run, 9999)
    assert read_state(run, now=NOW).state == "finished"
    end(run, interrupted=True)
    touch(run, 9999)
    assert read_state(run, now=NOW).state == "interrupted"
    add_history(run, 1)  # it was resumed
    os.utime(run.history, (NOW - 20, NOW - 20))
    assert read_state(run, now=NOW).state == "running"
    run.training_history.write_text('{"interrupted": true,\n "epoch": []}')  # by another hand
    touch(run, 9999)
    assert read_state(run, now=NOW).state == "interrupted"


def test_pictures_for_tensorboard_may_take_long_after_the_end(run: Run) -> None:
    end(run)
    touch(run, 60)
    run.tensorboard.mkdir()
    (run.tensorboard / "events.1").touch()
    os.utime(run.tensorboard / "events.1", (NOW - 30, NOW - 30))
    assert state_of(run, 2.0, now=NOW) == "finished"


def test_the_lock_tells_of_the_process(run: Run) -> None:
    touch(run, NOW - time.time() + 9999)
    with exclusive(run):
        assert state_of(run, 2.0) == "running"  # however long it has been silent
        holder = run.lock.read_bytes()
        end(run)
        assert state_of(run, 2.0) == "finished"  # it only clears up
    end(run, interrupted=True)
    with exclusive(run):
        os.utime(run.training_history, (1e9, 1e9))
        assert state_of(run, 2.0) == "running"  # it was resumed
    run.lock.write_bytes(holder)  # as a process leaves it that is killed
    assert state_of(run, 2.0) == "killed"
    assert run_summary(run).startswith("killed: epoch 2 of 4, 300 graphs/s, validation")


def test_half_a_line_and_missing_keys_do_no_harm(run: Run) -> None:
    with run.history.open("a") as stream:
        stream.write(
            '{"epoch": 3}\n[1]\nnonsense\n{"epoch": 4, "metrics": 7, "resources": {"seconds": "x"}}\n{"epoch": 5, "metr'
        )
    assert [record["epoch"] for record in read_records(run)] == [1, 2, 3, 4]
    touch(run, 1)
    at = read_state(run, now=NOW)
    assert (at.epoch, at.state) == (4, "running")
    assert at.rows[-1] == {"epoch": 4, "seconds": "x"}
    run.config.write_text("epochs = [")
    assert run_summary(run, now=NOW).startswith("running: epoch 4 of ?")


@pytest.mark.parametrize(
    "validations",
    [
        [(0.5, 0.9), (0.7, 0.5), (0.7, 0.4), (0.7, 0.45), (0.6, 0.1)],
        [(0.7, 0.4), (0.7, 0.4), (0.7, 0.4)],
    ],
)
def test_the_best_epoch_is_that_whose_weights_training_keeps(run: Run, validations: list[tuple[float, float]]) -> None:
    position = Position()
    run.history.unlink()
    for epoch, (acc, loss) in enumerate(validations, 1):
        position.epoch = epoch
        position.is_improved_by(acc, loss)
        run.append_history({"epoch": epoch, "metrics": {"val_acc": acc, "val_loss": loss}, "resources": {}})
    assert f"best {position.best_val_acc:.1%} at epoch {position.best_epoch}, " in run_summary(run, now=NOW)


def test_slow_epochs_among_the_last_ones_decide_when_silence_is_long(run: Run) -> None:
    run.history.unlink()
    for epoch, seconds in enumerate((1.0, 200.0, 1.0), 1):
        run.append_history({"epoch": epoch, "metrics": {}, "resources": {"seconds": seconds}})
    touch(run, 900)
    assert read_state(run, now=NOW).state == "running"  # five times 200 s
    touch(run, 1001)
    assert read_state(run, now=NOW).state == "stale"


def test_an_empty_configuration_leaves_the_number_of_epochs_and_the_time_open(run: Run) -> None:
    run.config.write_text("")
    touch(run, 1)
    at = read_state(run, now=NOW)
    assert (at.epochs, at.left) == (0, None)
    assert "left" not in at.summary


def test_no_folder_at_all(tmp_path: Path) -> None:
    assert run_summary(Run(tmp_path / "none")) == "stale: epoch 0 of ?"


def test_majority_of_an_older_run_comes_from_its_evaluation(tmp_path: Path) -> None:
    import numpy as np

    run = make_run(tmp_path, "old")
    assert read_state(run).majority is None
    evaluate_as(run, np.ones(4, dtype=bool), ceiling=0.8)
    at = read_state(run)
    assert (at.majority, at.ceiling) == (0.5, 0.8)
