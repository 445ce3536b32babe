"""Kills trainings at random moments, goes on with them, and compares every bit with a training that was left alone.

``python benchmarks/kill.py`` does what issue 4 asks for, ``--runs N`` only so many of each kind. The trainings are
forked from this process, which has everything loaded; some start cold, through the command line. The last line is a
summary; the exit status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # a forked process can use no threads that its parent has started

import torch

from nsm import pipeline
from nsm.config import Config
from nsm.errors import NSMError
from nsm.runs import Run
from nsm.training.checkpoints import load_checkpoint
from timing import circumstances, listed

RUNS = {"SIGKILL": 100, "SIGKILL, cold start": 10, "SIGINT": 30, "SIGTERM": 30, "stop file": 30, "several SIGKILLs": 10}
SIGNALS = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM}
NAME = "run"
DIFFERING = ("resources", "config")  # what depends on the machine, and where the run is kept


@dataclass(frozen=True)
class Course:
    """How one training went.

    Attributes:
        stops: How often it was stopped before its end.
        differences: What is not as in the training that was left alone.
    """

    stops: int
    differences: list[str]


@dataclass(frozen=True)
class Plan:
    """How trainings of one kind are stopped.

    Attributes:
        kind: How.
        config: What they train.
        whole: The run of the training that was left alone.
        begin: Begins one below a root, or goes on with it; returns the number of its process.
        seconds: How long one takes; the moments lie within.
    """

    kind: str
    config: Config
    whole: Run
    begin: Callable[[Config, Path], int]
    seconds: float


def main() -> int:
    """Runs everything; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, help="trainings of each kind, instead of 100, 10, 30, 30, 30 and 10")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments (default: 0)")
    arguments = parser.parse_args()
    began, chance = time.perf_counter(), random.Random(arguments.seed)
    print("\n".join(listed(circumstances(["torch"], seed=arguments.seed))), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        runs = {kind: count if arguments.runs is None else arguments.runs for kind, count in RUNS.items()}
        courses = dict(contest(Path(folder), runs, chance))
    every = [course for found in courses.values() for course in found]
    differing = sum(bool(course.differences) for course in every)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{len(every)} trainings, stopped {sum(course.stops for course in every)} times and resumed to the end: "
        f"{differing} differ from the one that was left alone; {(time.perf_counter() - began) / 60:.1f} min, "
        f"of which {(used.ru_utime + used.ru_stime) / 60:.1f} min of processor time"
    )
    return 1 if differing else 0


def contest(folder: Path, runs: dict[str, int], chance: random.Random) -> Iterator[tuple[str, list[Course]]]:
    """Runs the trainings of each kind; prints one line for each of them."""
    config = small_config(folder)
    pipeline.audit(config, quiet=True)
    whole, seconds = run_of(folder / "whole"), {}
    for begin, name in ((warm, "whole"), (cold, "whole, cold start")):
        seconds[begin] = -time.perf_counter()
        wait(begin(config, folder / name))
        seconds[begin] += time.perf_counter()
    steps = load_checkpoint(whole.last)["position"]["step"]
    print(f"left alone: {seconds[warm]:.1f} s, {steps} steps; {seconds[cold]:.1f} s from a cold start", flush=True)
    for kind, count in runs.items():
        begin = cold if "cold" in kind else warm
        plan = Plan(kind, config, whole, begin, seconds[begin])
        courses = [until_stopped(plan, folder / f"{kind} {number}", chance) for number in range(count)]
        for number, course in enumerate(courses):
            for difference in course.differences:
                print(f"{kind}, training {number}: {difference}", flush=True)
        stops = sum(course.stops for course in courses)
        differing = sum(bool(course.differences) for course in courses)
        print(f"{kind}: {count} trainings, {stops} stops, {differing} differ", flush=True)
        yield kind, courses


def small_config(folder: Path) -> Config:
    """A training of a second or two, with everything in it that has a state."""
    return Config.from_constants(
        EPOCHS=4,
        BATCH_SIZE=16,
        CHANNELS=8,
        NUM_LEVELS=2,
        BLOCKS=1,
        DROPOUT=0.1,
        CYCLE_EVERY=2,
        SAVE_EVERY=2,
        KEEP=1,
        SAVE_MINUTES=0.005,
        ACCELERATOR="cpu",
        WORKERS=0,
        RUN=NAME,
        CACHE=folder / "data",
        PLANNING={"graphs": 120, "domains": ("gripper",), "allow_leaks": True},
    )


def at(config: Config, root: Path) -> Config:
    """The same training below another root."""
    return config.model_copy(update={"root": root})


def run_of(root: Path) -> Run:
    """The only run below a root."""
    return Run(root / "planning" / "runs" / NAME)


def start(train: Callable[[], object]) -> int:
    """Begins a training in a process of its own; returns the number of the process."""
    if process := os.fork():
        return process
    status = 1
    try:
        with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
            train()
        status = 0
    except NSMError as failure:
        print(failure, flush=True)
    finally:
        os._exit(status)


def wait(process: int) -> int:
    """The exit status of a process; negative if a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def is_over(process: int) -> bool:
    """Whether a process has ended, which leaves it to be waited for."""
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def warm(config: Config, root: Path) -> int:
    """Trains a run, or goes on with it, in a process that has everything loaded; returns its number."""

    def train() -> object:
        if run_of(root).config.exists():
            return pipeline.resume(run_of(root), quiet=True)
        return pipeline.train(at(config, root), quiet=True)

    return start(train)


def cold(config: Config, root: Path) -> int:
    """The same through the command line, in a new interpreter."""
    command = [sys.executable, "-m", "nsm", "train", "--quiet"]
    if run_of(root).config.exists():
        command += ["--resume", str(run_of(root).folder)]
    else:
        root.mkdir(exist_ok=True)
        file = root / "settings.toml"
        file.write_text(at(config, root).to_toml(), encoding="utf-8")
        command += ["--config", str(file)]

    def become() -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        os.execv(command[0], command)

    return start(become)


def until_stopped(plan: Plan, root: Path, chance: random.Random) -> Course:
    """One training that was stopped; one that has ended before its moment is begun again, with an earlier one."""
    course = attempt(plan, root, chance)
    while not course.stops and not course.differences:
        shutil.rmtree(root)
        plan = replace(plan, seconds=0.8 * plan.seconds)
        course = attempt(plan, root, chance)
    return course


def attempt(plan: Plan, root: Path, chance: random.Random) -> Course:
    """One training, stopped as planned and gone on with until it ends by itself."""
    stops, planned = 0, chance.randint(2, 6) if "several" in plan.kind else 1
    number = SIGNALS.get(plan.kind, signal.SIGKILL)
    expected = {0, -number, *([1] if number == signal.SIGINT else [])}  # 1: interrupted while it was beginning
    for _ in range(planned):
        process = plan.begin(plan.config, root)
        sleep_or_end(process, chance.random() * plan.seconds / planned)
        stops += stop(process, plan.kind, run_of(root))
        if (status := wait(process)) not in expected:
            return Course(stops, [f"stopped, it ended with status {status}"])
    if status := wait(plan.begin(plan.config, root)):
        return Course(stops, [f"resumed, it ended with status {status}"])
    return Course(stops, differences(plan.whole, run_of(root)))


def sleep_or_end(process: int, seconds: float) -> None:
    """Waits so long, or until the process has ended."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until and not is_over(process):
        time.sleep(0.002)


def stop(process: int, kind: str, run: Run) -> bool:
    """Stops a training; false where it has ended already, or not begun."""
    if is_over(process):
        return False
    if kind != "stop file":
        os.kill(process, SIGNALS.get(kind, signal.SIGKILL))
        return True
    try:
        run.stop.touch()
    except FileNotFoundError:  # it has no folder yet
        return False
    return True


def differences(whole: Run, other: Run) -> list[str]:
    """What differs between two finished runs: tensors, metrics, states, files."""
    names = [sorted(path.name for path in run.folder.iterdir()) for run in (whole, other)]
    if names[0] != names[1]:
        return [f"files: {names[1]}, expected {names[0]}"]
    found = []
    for name in (path.name for path in whole.checkpoints):
        pair = [load_checkpoint(run.folder / name) for run in (whole, other)]
        places = [place.removeprefix(".") for place in unequal(*pair, place="")]
        found += [f"{name}: {place} differs" for place in places if place.split(".")[0] not in DIFFERING]
    histories = [[line | {"resources": {}} for line in run.read_history()] for run in (whole, other)]
    if histories[0] != histories[1]:
        found.append("history.jsonl differs")
    columns = [json.loads(run.training_history.read_text(encoding="utf-8")) for run in (whole, other)]
    if columns[0] != columns[1]:
        found.append("training_history.json differs")
    return found


def unequal(one: Any, other: Any, place: str) -> list[str]:
    """The places where two values differ; tensors bit for bit."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [found for key in one for found in unequal(one[key], other[key], f"{place}.{key}")]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [found for number, pair in pairs for found in unequal(*pair, f"{place}.{number}")]
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        is_same = one.dtype == other.dtype and one.shape == other.shape and is_same_bits(one, other)
        return [] if is_same else [place]
    return [] if one == other else [place]


def is_same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors of one type and shape hold the same bits."""
    return one.numpy().tobytes() == other.numpy().tobytes()


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
