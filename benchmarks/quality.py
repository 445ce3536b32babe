"""What the hierarchy gives against strong baselines of equal size, on test sets like the training's and beyond them.

    python benchmarks/quality.py                                       # everything that is not there yet (a day)
    python benchmarks/quality.py --domains planning --models hierarchy flat-8 --seeds 0 1
    python benchmarks/quality.py --domains clutrr --shared FOLDER      # with the files of FOLDER/data/kg
    python benchmarks/quality.py --only planning_flat-8_0              # repeats one
    python benchmarks/quality.py --table                               # only the table, from what is there
    python benchmarks/quality.py --quick --results FOLDER              # seconds: whether it works, no figures

Each training is one JSON file in ``benchmarks/results/quality/`` with its accuracies and, graph by graph, whether it
was right; the graphs themselves (group, label, distance, rung, length) are described once in ``sets/``. What is there
is not repeated; with ``--root`` the runs are kept, and a training that was stopped goes on. The table is
``benchmarks/results/quality.md``, its picture ``quality.png``. A seed is that of the data, the weights and the order of
training alike.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asking import guarded, not_negative, refuse
from nsm import pipeline
from nsm.config import Config, load_config
from nsm.data.baseline import trivial_predictions
from nsm.data.packed import PackedGraphs
from nsm.pipeline.other_data import open_other
from paired import TRAINED, read_result
from quality_figure import draw
from quality_glance import NEEDED, step_ratio
from quality_sets import (
    ASIDE,
    BESIDE,
    FLAT,
    LONG,
    MODELS,
    REFERENCE,
    SMALLER,
    TASKS,
    TRIVIAL,
    TUNED,
    build_config,
)
from quality_table import markdown
from trainings import (
    Figures,
    Place,
    add_options,
    evaluate,
    keep,
    keep_items,
    outcome,
    placed,
    sized,
    train,
    write_table,
)

Array = npt.NDArray[Any]

RESULTS = Path(__file__).parent / "results" / "quality"


@dataclass(frozen=True)
class Job:
    """One training: a task, a model, a seed."""

    task: str
    model: str
    seed: int

    @property
    def name(self) -> str:
        """Name of its file and of its run."""
        return f"{self.task}_{self.model}_{self.seed}"


def configured(job: Job, place: Place) -> Config:
    """The configuration of a training, of the reference's size where it is not to be smaller."""
    task = TASKS[job.task]
    reference = build_config(task, _settings(job.task, REFERENCE), place, seed=job.seed)
    more: Figures = {"epochs": long_epochs(job, place)} if job.model in LONG else {}
    config = build_config(task, _settings(job.task, job.model), place, seed=job.seed, run=job.name, **more)
    return config if job.model in (REFERENCE, TRIVIAL, "majority", *SMALLER) else sized(config, reference)


def _settings(task: str, model: str) -> list[str]:
    """What a model changes of the task's settings: its own come after the tuned ones, over which they win."""
    kinds = ["flat" if model in (*FLAT, *LONG) else REFERENCE if model in ASIDE else model]
    kinds += [model] if model in ASIDE else []
    return [*(setting for kind in kinds for setting in TUNED.get((TASKS[task].domain, kind), ())), *MODELS[model]]


def long_epochs(job: Job, place: Place) -> int:
    """As many epochs as the shorter training would have made in the time of the hierarchy beside it, or as many.

    Raises:
        SystemExit: If neither `step_time.py` nor those two trainings say how long both take.
    """
    short, beside = LONG[job.model], BESIDE.get(job.model, REFERENCE)
    epochs = build_config(TASKS[job.task], _settings(job.task, beside), place).epochs
    ratio = None if place.is_quick else step_ratio(job.task, short)
    return max(epochs, math.ceil(epochs / (ratio or _training_ratio(job, place))))


def _training_ratio(job: Job, place: Place) -> float:
    """The same as `step_ratio`, of whole trainings, whose times depend on the machine and on what else it did."""
    names = [Job(job.task, model, job.seed).name for model in (LONG[job.model], REFERENCE)]
    files = [place.results / f"{name}.json" for name in names]
    if not all(file.exists() for file in files):
        refuse(f"{job.name} takes its epochs from the times of {names[1]} and {names[0]}: make these first")
    short, reference = (read_result(file, NEEDED)["processor_seconds"] for file in files)
    return float(short / reference)


def network(job: Job, place: Place) -> Figures:
    """Trains, and evaluates on every set; a longer training of as many epochs as the shorter one is that one."""
    config = configured(job, place)
    if job.model in LONG:
        file = place.results / f"{Job(job.task, LONG[job.model], job.seed).name}.json"
        short = read_result(file, NEEDED) if file.exists() else None
        if short and short["epochs"] == config.epochs:
            return {key: short[key] for key in (*TRAINED, "sets") if key != "quick"}
    task, (run, told) = TASKS[job.task], train(config)
    sets = {name: evaluate(run, name, task.data_of(name, place), place) for name in task.sets}
    return {**told, "sets": sets}


def boost(job: Job, place: Place) -> Figures:
    """Trivial features and gradient boosting, on the same sets."""
    config = configured(job, place)
    graphs, sets = pipeline.load_graphs(config, quiet=True), {}
    began = time.process_time()
    for name in TASKS[job.task].sets:
        asked, left_out = graphs.subset("test"), 0
        if settings := TASKS[job.task].data_of(name, place):
            other = open_other(config, with_settings(config, settings), graphs, quiet=True)
            asked, left_out = other.graphs, other.left_out
        is_right = trivial_predictions(graphs.subset("train"), asked, seed=job.seed) == asked.labels
        sets[name] = outcome(is_right, keep_items(columns_of(asked), asked.fingerprint, place)) | {"left_out": left_out}
    told = dict.fromkeys(("parameters", "channels", "epochs", "best_val_acc", "seconds"))
    return {**told, "processor_seconds": round(time.process_time() - began, 1), "sets": sets}


def with_settings(config: Config, settings: Sequence[str]) -> Config:
    """A configuration with some settings changed."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(config.to_toml())
        file.flush()
        return load_config(Path(file.name), settings)


def columns_of(graphs: PackedGraphs) -> dict[str, Array]:
    """What a table of predictions says of the graphs themselves."""
    table = graphs.table
    columns = {name: np.array(table[name].to_pylist(), dtype=object) for name in table.column_names}
    return {"index": graphs.indices, "label": graphs.labels, **columns}


def jobs(options: argparse.Namespace) -> list[Job]:
    """What was asked for, seed by seed, so that an early stop leaves whole comparisons."""
    if options.only is not None:
        return [named(name) for name in options.only]
    tasks = [task for task in options.domains if options.shared or not TASKS[task].needs_shared]
    if left_out := [task for task in options.domains if task not in tasks]:
        print(f"{', '.join(left_out)}: left out, say with --shared where the files are", file=sys.stderr)
    return [Job(task, model, seed) for seed in options.seeds for task in tasks for model in options.models]


def named(name: str) -> Job:
    """The job of a name.

    Raises:
        SystemExit: If there is none.
    """
    task, model, seed = [*name.split("_"), "", ""][:3]
    if task not in TASKS or model not in MODELS or not seed.isdecimal() or name.count("_") != 2:
        refuse(f"expected a name such as planning_flat-8_0, got {name!r}")
    return Job(task, model, int(seed))


def run(job: Job, place: Place, *, again: bool) -> None:
    """Does a job and keeps its figures, unless they are there."""

    def make() -> Figures:
        figures = boost(job, place) if job.model == TRIVIAL else network(job, place)
        return {"task": job.task, "model": job.model, "seed": job.seed, **figures}

    keep(job.name, make, place, f"python benchmarks/quality.py --only {job.name}", again=again)


def main() -> int:
    """Does what is missing, then writes the table and its picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domains", nargs="+", choices=TASKS, default=list(TASKS), help="tasks")
    parser.add_argument(
        "--models",
        nargs="+",
        choices=MODELS,
        default=[name for name in MODELS if name not in (*ASIDE, *BESIDE)],
        help=f"all but {', '.join((*ASIDE, *BESIDE))} by default",
    )
    parser.add_argument("--seeds", nargs="+", type=not_negative, default=(2, 3, 4))
    parser.add_argument("--only", nargs="+", metavar="NAME", help="repeat these, such as planning_flat-8_0")
    add_options(parser, RESULTS)
    options = parser.parse_args()
    with placed(parser, options) as place:
        for job in [] if options.table else jobs(options):
            run(job, place, again=options.only is not None)
    picture = draw(options.results)
    write_table(options.results, markdown(options.results, picture.name if picture else None))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
