"""What the hierarchy gives against strong baselines of equal size, on test sets like the training's and beyond them.

    python benchmarks/quality.py                                       # everything that is not there yet (a day)
    python benchmarks/quality.py --domains planning --models hierarchy flat-8 --seeds 0 1
    python benchmarks/quality.py --only planning_flat-8_0              # repeats one
    python benchmarks/quality.py --table                               # only the table, from what is there
    python benchmarks/quality.py --quick --results FOLDER              # seconds: whether it works, no figures

Each training is one JSON file in ``benchmarks/results/quality/`` with its accuracies and, graph by graph, whether it
was right; the graphs themselves (group, label, distance, rung) are described once in ``sets/``. What is there is not
repeated; with ``--root`` the runs are kept, and a training that was stopped goes on. The table is
``benchmarks/results/quality.md``. A seed is that of the data, the weights and the order of training alike.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from nsm import pipeline
from nsm.analysis.run_results import read_predictions
from nsm.config import Config, load_config
from nsm.data.baseline import trivial_predictions
from nsm.data.packed import PackedGraphs
from nsm.models.sizes import match_channels, parameter_count
from nsm.pipeline.domains import open_task
from nsm.pipeline.other_data import open_other
from nsm.runs import Run
from nsm.training import Callback, Trainer
from quality_sets import MODELS, QUICK, QUICK_OTHERS, REFERENCE, TASKS, TRIVIAL, Task
from quality_table import markdown
from timing import circumstances

Array = npt.NDArray[Any]
Figures = dict[str, Any]

RESULTS = Path(__file__).parent / "results" / "quality"
KEPT = ("distance", "rung", "family", "length", "ceiling")  # columns of a set that its table can be broken down by


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


@dataclass(frozen=True)
class Place:
    """Where things are kept."""

    results: Path
    root: Path
    cache: Path
    is_quick: bool


class Stopwatch(Callback):
    """Processor time of the training loop, which other programs on the machine do not lengthen."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def on_start(self, trainer: Trainer) -> None:
        """Starts."""
        del trainer
        self._begin = time.process_time()

    def on_end(self, trainer: Trainer) -> None:
        """Stops."""
        del trainer
        self.seconds += time.process_time() - self._begin


def configured(job: Job, place: Place) -> tuple[Config, int]:
    """The configuration of a training, of the reference's size, and that number of parameters."""
    task = TASKS[job.task]
    small = QUICK[task.domain] if place.is_quick else ()
    settings = [*small, *(s for s in task.settings if not (place.is_quick and s.startswith("planning.domains")))]
    keywords: Figures = {"domain": task.domain, "seed": job.seed, "root": place.root, "cache": place.cache}
    reference = load_config(None, [*settings, *MODELS[REFERENCE]], **keywords)
    source = open_task(reference).source
    assert source is not None, "every task makes its graphs"
    schema = source.schema
    size = parameter_count(reference, schema)
    own = [s for s in MODELS[job.model] if not (place.is_quick and s.startswith("epochs"))]
    config = load_config(None, [*settings, *own], **keywords, run=job.name)
    if job.model in (REFERENCE, TRIVIAL, "majority"):
        return config, size
    return match_channels(config, schema, size), size


def train(job: Job, place: Place) -> Figures:
    """Trains, goes on with what was stopped, and evaluates on every set."""
    config, size = configured(job, place)
    folder = place.root / config.domain / "runs" / job.name
    watch, is_resumed = Stopwatch(), folder.exists()
    how: Figures = {"callbacks": [watch], "quiet": True}
    result = pipeline.resume(folder, **how) if is_resumed else pipeline.train(config, **how)
    if result.interrupted:
        raise KeyboardInterrupt  # half of a training is no result
    schema = pipeline.load_run_data(result.run, quiet=True).schema
    told: Figures = {"parameters": parameter_count(config, schema), "reference_parameters": size}
    told |= {"channels": config.channels, "epochs": result.epochs, "best_val_acc": result.best_val_acc}
    told |= {"seconds": result.seconds, "processor_seconds": None if is_resumed else round(watch.seconds, 1)}
    sets = {name: evaluate(result.run, name, others(job, name, place), place) for name in names_of(TASKS[job.task])}
    return {**told, "sets": sets}


def names_of(task: Task) -> list[str]:
    """The evaluation sets of a task, the test split first."""
    return ["test", *task.others]


def others(job: Job, name: str, place: Place) -> Sequence[str]:
    """The settings of an evaluation set; none for the test split."""
    settings = TASKS[job.task].others.get(name, ())
    return [*settings, *QUICK_OTHERS.get(name, ())] if place.is_quick else settings


def evaluate(run: Run, name: str, settings: Sequence[str], place: Place) -> Figures:
    """The figures of one set, with every graph's outcome."""
    if settings:
        found = pipeline.evaluate(run, overrides=settings, name=name, quiet=True).figures
        fingerprint, left_out = found["data"]["fingerprint"], found["data"]["left_out"]
    else:
        found = pipeline.evaluate(run, quiet=True).figures
        fingerprint, left_out = pipeline.load_run_data(run, quiet=True).fingerprint, 0
    said = read_predictions(run, name)
    shown = ("ceiling", "auc", "ece", "ece_calibrated", "reconstruction_abstract", "decoded")
    told = outcome(said.is_right, keep_items(said.columns, fingerprint, place))
    return {**told, "left_out": left_out, **{key: found.get(key) for key in shown}}


def boost(job: Job, place: Place) -> Figures:
    """Trivial features and gradient boosting, on the same sets."""
    config, size = configured(job, place)
    graphs, sets = pipeline.load_graphs(config, quiet=True), {}
    began = time.process_time()
    for name in names_of(TASKS[job.task]):
        asked, left_out = graphs.subset("test"), 0
        if settings := others(job, name, place):
            other = open_other(config, with_settings(config, settings), graphs, quiet=True)
            asked, left_out = other.graphs, other.left_out
        is_right = trivial_predictions(graphs.subset("train"), asked, seed=job.seed) == asked.labels
        sets[name] = outcome(is_right, keep_items(columns_of(asked), asked.fingerprint, place)) | {"left_out": left_out}
    told = {"parameters": None, "reference_parameters": size, "channels": None, "epochs": None, "best_val_acc": None}
    return {**told, "seconds": None, "processor_seconds": round(time.process_time() - began, 1), "sets": sets}


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


def outcome(is_right: Array, items: str) -> Figures:
    """Whether each graph was judged rightly, as bits."""
    bits = base64.b64encode(np.packbits(is_right).tobytes()).decode()
    return {"items": items, "samples": len(is_right), "accuracy": float(is_right.mean()), "right": bits}


def keep_items(columns: Mapping[str, Array], fingerprint: str, place: Place) -> str:
    """Describes the graphs of a set once for all trainings; returns the name of the description."""
    name = sha256(f"{fingerprint} {[int(i) for i in columns['index']]}".encode()).hexdigest()[:16]
    file = place.results / "sets" / f"{name}.npz"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        stored: Figures = {key: plain(columns[key]) for key in KEPT if key in columns}
        stored["group"] = np.array([crc32(str(group).encode()) for group in columns["group"]], np.uint32)
        stored["label"] = np.array(columns["label"], np.int16)
        with file.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, fingerprint=np.array(fingerprint), **stored)
    return name


def plain(values: Array) -> Array:
    """A column without Python objects: text, or numbers with ``nan`` for what is missing."""
    if all(isinstance(value, str) for value in values):
        return values.astype(str)
    return np.array([np.nan if value is None else value for value in values], np.float32)


def jobs(options: argparse.Namespace) -> list[Job]:
    """What was asked for, seed by seed, so that an early stop leaves whole comparisons."""
    everything = [
        Job(task, model, seed) for seed in options.seeds for task in options.domains for model in options.models
    ]
    return everything if options.only is None else [named(name) for name in options.only]


def named(name: str) -> Job:
    """The job of a name.

    Raises:
        SystemExit: If there is none.
    """
    task, model, seed = [*name.split("_"), "", ""][:3]
    if task not in TASKS or model not in MODELS or not seed.isdecimal() or name.count("_") != 2:
        raise SystemExit(f"expected a name such as planning_flat-8_0, got {name!r}")
    return Job(task, model, int(seed))


def run(job: Job, place: Place, *, again: bool) -> None:
    """Does a job and keeps its figures, unless they are there."""
    file = place.results / f"{job.name}.json"
    if file.exists() and not again:
        return
    print(job.name, flush=True)
    kept = place.root / TASKS[job.task].domain / "runs" / job.name
    if again and kept.exists():
        shutil.rmtree(kept)
    figures = boost(job, place) if job.model == TRIVIAL else train(job, place)
    told = {"task": job.task, "model": job.model, "seed": job.seed, "quick": place.is_quick, **figures}
    told["circumstances"] = circumstances(("torch", "torch-geometric", "scikit-learn"))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Does what is missing, then writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domains", nargs="+", choices=TASKS, default=list(TASKS), help="tasks")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1, 2))
    parser.add_argument("--only", nargs="+", metavar="NAME", help="repeat these, such as planning_flat-8_0")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="where the JSON files are; the table is beside it"
    )
    parser.add_argument("--root", type=Path, help="where runs are kept; a temporary folder by default")
    parser.add_argument("--cache", type=Path, help="where built data are kept; a temporary folder by default")
    parser.add_argument("--quick", action="store_true", help="tiny data and models: does it work?")
    parser.add_argument("--table", action="store_true", help="only write the table")
    options = parser.parse_args()
    if options.quick and options.results == RESULTS:
        parser.error("--quick makes no figures to keep: name another folder with --results")
    with tempfile.TemporaryDirectory() as folder:
        root, cache = options.root or Path(folder) / "root", options.cache or Path(folder) / "cache"
        place = Place(options.results, root.absolute(), cache.absolute(), options.quick)
        for job in [] if options.table else jobs(options):
            run(job, place, again=options.only is not None)
    table = options.results.with_suffix(".md")
    table.write_text(markdown(options.results), encoding="utf-8")
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
