"""A training of the background: found again, paused, gone on with, killed; and its errors are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsm.config import Config
from nsm.dashboard import background_runs
from nsm.dashboard.background_runs import BackgroundRun, background, start
from nsm.errors import RunError
from nsm.runs import Run, find_run, holder, list_runs
from tests.analysis.made_runs import add_history, make_run
from tests.dashboard.fake_training import fake_launch, wait_until


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BackgroundRun]]:
    """Trainings that are fakes, and do not outlive the test."""
    monkeypatch.setattr(background_runs, "launch", fake_launch)
    started: list[BackgroundRun] = []
    yield started
    for job in started:
        job.stop(wait=0.0)


def config_in(root: Path, **changes: object) -> Config:
    return Config(root=root, epochs=5, **changes)  # type: ignore[arg-type]


def test_a_life(tmp_path: Path, jobs: list[BackgroundRun]) -> None:
    job = start(config_in(tmp_path))
    jobs.append(job)
    wait_until(lambda: "making graphs" in job.log())
    assert (job.state, job.is_alive, job.error) == ("building", True, None)
    assert job.summary == "building: planning: making graphs, 0 of 2"
    assert list_runs(tmp_path) == []
    again = background(job.run.name, root=tmp_path)  # after a restart of the kernel
    assert (again.run, again.state, again.is_alive) == (job.run, "building", True)

    (tmp_path / "go").touch()
    wait_until(lambda: job.at.epoch == 1 and "epoch 1" in job.log())  # the history comes first, then the log
    again = background(job.run.folder)
    assert (job.state, again.state, again.is_alive) == ("running", "running", True)
    assert "epoch 1" in again.log() and job.log() == (job.run.folder / "train.log").read_text()
    with pytest.raises(RunError, match="is being trained"):
        again.resume()

    assert again.pause() is True  # by another kernel than the one that started it
    assert (job.state, job.is_alive, job.run.stop.exists()) == ("interrupted", False, False)
    job.resume()
    wait_until(lambda: job.at.epoch == 2)
    assert job.state == "running"

    os.kill(job._pid or 0, signal.SIGKILL)
    wait_until(lambda: not job.is_alive)
    assert (job.state, background(find_run(job.run.name, tmp_path)).state) == ("killed", "killed")
    assert job.summary.startswith("killed: epoch 2 of 5")
    job.resume()
    wait_until(lambda: job.at.epoch == 3)
    job.stop()
    assert job.state == "interrupted"
    assert job.log().count("$ nsm train --resume") == 2
    assert repr(job).startswith(f"<{job.run.name}: interrupted: epoch 3 of 5")
    assert {path.name for path in job.run.folder.parent.iterdir()} == {job.run.name}


def test_the_building_is_ended_and_begun_again(tmp_path: Path, jobs: list[BackgroundRun]) -> None:
    job = start(config_in(tmp_path, run="mine"))
    jobs.append(job)
    wait_until(lambda: "making graphs" in job.log())
    assert job.pause()
    assert not job.run.folder.exists()
    for found in (job, background("mine", root=tmp_path)):  # after a restart of the kernel too
        assert (found.state, found.error) == ("stopped", None)
        assert found.summary == "stopped while its data were made: resume begins anew"
    job.resume()
    wait_until(lambda: "making graphs" in job.summary)
    assert job.state == "building"
    (tmp_path / "go").touch()
    wait_until(lambda: job.at.epoch == 1)
    with pytest.raises(RunError, match="'mine' exists already"):
        start(config_in(tmp_path, run="mine"))


def test_what_was_started_is_not_the_last_word(tmp_path: Path, jobs: list[BackgroundRun]) -> None:
    """A process that is killed by another hand has not been stopped, and its command line is no word of it."""
    job = start(config_in(tmp_path, run="mine"))
    jobs.append(job)
    wait_until(lambda: "making graphs" in job.log())
    os.kill(job._pid or 0, signal.SIGKILL)
    wait_until(lambda: not job.is_alive)
    assert job.state == "failed"
    assert job.summary == "failed: its process ended without an error (planning: making graphs, 0 of 2)"
    (job._waiting / "train.log").write_text("planning: an earlier attempt\n$ nsm train --config x\n")
    assert job.summary == "failed: its process ended without an error (it has said nothing)"


def test_a_process_that_is_gone_before_it_took_the_lock_was_killed(tmp_path: Path) -> None:
    run = make_run(tmp_path, "mine")
    add_history(run, 2)
    assert background(run).state == "running"  # as far as its files tell
    (run.folder / "train.log").write_text("$ nsm train --config x\nepoch 2\n")
    at = background(run).at
    assert (at.state, at.left) == ("killed", None)


def test_an_error_is_told(tmp_path: Path, jobs: list[BackgroundRun]) -> None:
    (tmp_path / "go").write_text("fail")
    job = start(config_in(tmp_path, run="mine"))
    jobs.append(job)
    wait_until(lambda: not job.is_alive)
    assert job.error == "Error: facts.tsv:7: expected 3 columns\nHint: separate by tabs"
    assert job.state == "failed" and "expected 3 columns" in job.summary
    assert background("mine", root=tmp_path).error == job.error
    assert job.log(1) == "Hint: separate by tabs"


def test_two_of_one_name_are_refused(tmp_path: Path, jobs: list[BackgroundRun]) -> None:
    jobs.append(start(config_in(tmp_path, run="mine")))
    with pytest.raises(RunError, match="'mine' is being trained"):
        start(config_in(tmp_path, run="mine"))


def test_a_run_of_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run is called 'none'") as caught:
        background("none", root=tmp_path)
    assert "start one" in str(caught.value.hint)
    run = make_run(tmp_path, "other")
    add_history(run, 2)
    job = background(run)
    assert (job.is_alive, job.state, job.log(), job.error) == (False, "running", "", None)
    assert background(job) is job
    assert job.pause() is False  # it is asked, and nothing tells when it will have heard
    assert run.stop.exists()
    (run.folder / "training_history.json").write_text('{"interrupted": false}')
    with pytest.raises(RunError, match="has finished"):
        job.resume()


HOLD = """import sys, time
from pathlib import Path
from nsm.runs import Run, exclusive
with exclusive(Run(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(300)
"""


def test_a_training_of_a_terminal_that_does_not_answer_is_killed_and_nobody_else(tmp_path: Path) -> None:
    """The number in the run's folder is that of an earlier process; another program has it by now."""
    run = make_run(tmp_path, "other")
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
    (run.folder / "pid").write_text(str(bystander.pid))
    (run.folder / "train.log").touch()
    command = [sys.executable, "-c", HOLD, str(run.folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    deaf = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    try:
        assert deaf.stdout is not None and deaf.stdout.readline() == b"held\n"
        assert holder(run) == deaf.pid
        background(run).stop(wait=0.3)
        assert deaf.wait(60) == -signal.SIGKILL
        assert bystander.poll() is None
        assert holder(run) is None
    finally:
        for process in (deaf, bystander):
            process.kill()
            process.wait()
        deaf.stdout.close()


def test_a_real_training(tmp_path: Path) -> None:
    job = start(Config(root=tmp_path, epochs=1, channels=8, workers=0, planning={"graphs": 60, "allow_leaks": True}))  # type: ignore[arg-type]
    wait_until(lambda: not job.is_alive, 300)
    assert job.state == "finished", job.log()
    assert "epoch 1/1" in (job.run.folder / "train.log").read_text()
    assert job.error is None
    assert Run(job.run.folder).read_history()[0]["gradient_norms"]
