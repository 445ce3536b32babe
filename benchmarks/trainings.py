"""One training is one JSON file: made once, gone on with where it was stopped, judged graph by graph."""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from nsm import pipeline
from nsm.analysis.run_results import read_predictions
from nsm.config import Config
from nsm.models.sizes import TOLERANCE, match_channels, parameter_count
from nsm.pipeline.domains import open_task
from nsm.runs import Run, write_text
from nsm.training import Callback, EpochRecord, Trainer
from timing import circumstances, listed

__all__ = [
    "Figures",
    "Place",
    "add_options",
    "beside",
    "evaluate",
    "keep",
    "keep_items",
    "opening",
    "outcome",
    "placed",
    "sized",
    "train",
    "write_table",
]

Array = npt.NDArray[Any]
Figures = dict[str, Any]

KEPT = ("distance", "rung", "family", "length", "ceiling")  # columns of a set that its table can be broken down by
SHOWN = (
    *("ceiling", "auc", "ece", "ece_calibrated", "ece_by_chance", "ece_by_chance_high", "temperature"),
    *("reconstruction_exact", "reconstruction_abstract", "reconstruction_structure", "top_share"),
    *("decoded", "decoded_structure"),
)


@dataclass(frozen=True)
class Place:
    """Where things are.

    Attributes:
        results: Folder of the JSON files; the table is beside it.
        root: Where runs are kept.
        cache: Where built data are kept.
        is_quick: Whether data and models are tiny.
        shared: Folder with the files of the inductive pairs and of CLUTRR; None where they are not at hand.
    """

    results: Path
    root: Path
    cache: Path
    is_quick: bool
    shared: Path | None = None


class Stopwatch(Callback):
    """Processor time of a training's loop, which other programs do not lengthen; it is kept with the run."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def on_start(self, trainer: Trainer) -> None:
        """Goes on from what the run had used before."""
        file = self._file(trainer)
        self.seconds = float(file.read_text(encoding="utf-8")) if file.exists() else 0.0
        self._begin = time.process_time()

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """Writes it down."""
        del record
        self.on_end(trainer)

    def on_end(self, trainer: Trainer) -> None:
        """Writes it down."""
        now = time.process_time()
        self.seconds, self._begin = self.seconds + now - self._begin, now
        write_text(self._file(trainer), f"{self.seconds}\n")

    @staticmethod
    def _file(trainer: Trainer) -> Path:
        return trainer.run.folder / "processor_seconds.txt"


def sized(config: Config, reference: Config, tolerance: float = TOLERANCE) -> Config:
    """The configuration with as many parameters as a reference, within 5 % unless told otherwise."""
    source = open_task(reference).source
    assert source is not None, "every task makes its graphs"
    return match_channels(config, source.schema, parameter_count(reference, source.schema), tolerance=tolerance)


def train(config: Config) -> tuple[Run, Figures]:
    """Trains, or goes on with what was stopped.

    Raises:
        KeyboardInterrupt: If it is stopped again: half of a training is no result.
    """
    assert config.root is not None and config.run is not None, "where and as what it is kept"
    folder = config.root / config.domain / "runs" / config.run
    watch = Stopwatch()
    how: Figures = {"callbacks": [watch], "quiet": True}
    result = pipeline.resume(folder, **how) if folder.exists() else pipeline.train(config, **how)
    if result.interrupted:
        raise KeyboardInterrupt
    told: Figures = {"channels": config.channels, "epochs": result.epochs, "best_val_acc": result.best_val_acc}
    told |= {"seconds": result.seconds, "processor_seconds": round(watch.seconds, 1)}
    schema = pipeline.load_run_data(result.run, quiet=True).schema
    return result.run, {"parameters": parameter_count(config, schema), **told}


def evaluate(run: Run, name: str, settings: Sequence[str], place: Place) -> Figures:
    """The figures of one set, with every graph's outcome.

    Args:
        run: What is judged.
        name: Name of the set.
        settings: Of its data; none for the test split.
        place: Where the graphs are described.
    """
    if settings:
        found = pipeline.evaluate(run, overrides=settings, name=name, quiet=True).figures
        fingerprint, left_out = found["data"]["fingerprint"], found["data"]["left_out"]
    else:
        found = pipeline.evaluate(run, quiet=True).figures
        fingerprint, left_out = pipeline.load_run_data(run, quiet=True).fingerprint, 0
    said = read_predictions(run, name)
    told = outcome(said.is_right, keep_items(said.columns, fingerprint, place))
    return {**told, "left_out": left_out, **{key: found.get(key) for key in SHOWN}}


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
        stored: Figures = {key: _plain(columns[key]) for key in KEPT if key in columns}
        stored["group"] = np.array([crc32(str(group).encode()) for group in columns["group"]], np.uint32)
        stored["label"] = np.array(columns["label"], np.int16)
        with file.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, fingerprint=np.array(fingerprint), **stored)
    return name


def _plain(values: Array) -> Array:
    """A column without Python objects: text, or numbers with ``nan`` for what is missing."""
    if all(isinstance(value, str) for value in values):
        return values.astype(str)
    return np.array([np.nan if value is None else value for value in values], np.float32)


def keep(name: str, make: Callable[[], Figures], place: Place, command: str, *, again: bool = False) -> None:
    """Makes one result and keeps it, unless it is there.

    Args:
        name: Name of its file and of its run.
        make: Trains and evaluates.
        place: Where it is kept.
        command: What is written down as the command that repeats it.
        again: Whether to make it again, from the beginning.
    """
    file = place.results / f"{name}.json"
    if file.exists() and not again:
        return
    print(name, flush=True)
    for kept in place.root.glob(f"*/runs/{name}") if again else ():
        shutil.rmtree(kept)
    told = {**make(), "quick": place.is_quick}
    if "circumstances" not in told:  # it may be another's result
        told["circumstances"] = circumstances(("torch", "torch-geometric", "scikit-learn"), command=command)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(told, indent=1) + "\n")


def add_options(parser: argparse.ArgumentParser, results: Path) -> None:
    """The options that these programs share."""
    parser.add_argument("--results", type=Path, default=results, help="folder of the JSON files; the table is beside")
    parser.add_argument("--root", type=Path, help="where runs are kept, to go on with; a temporary folder by default")
    parser.add_argument("--cache", type=Path, help="where built data are kept; a temporary folder by default")
    parser.add_argument("--shared", type=Path, help="folder with data/kg: the inductive pairs, and CLUTRR's stories")
    parser.add_argument("--quick", action="store_true", help="tiny data and models: does it work?")
    parser.add_argument("--table", action="store_true", help="only write the table")


@contextmanager
def placed(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Iterator[Place]:
    """The places that were asked for, some of them for as long as the program runs."""
    results: Path = options.results
    if results.exists() and not results.is_dir():
        parser.error(f"--results: expected a folder, got the file {results}")
    if options.table and not any(results.glob("*.json")):
        parser.error(f"--table: there is no result in {results}")
    if options.shared and not (options.shared / "data" / "kg").is_dir():
        parser.error(f"--shared: expected a folder with data/kg, got {options.shared}")
    if options.quick and results == parser.get_default("results"):
        parser.error("--quick makes no figures to keep: name another folder with --results")
    with tempfile.TemporaryDirectory() as folder:
        root, cache = options.root or Path(folder) / "root", options.cache or Path(folder) / "cache"
        shared = options.shared and options.shared.absolute()
        yield Place(results, root.absolute(), cache.absolute(), options.quick, shared)


def opening(head: str, found: Sequence[Figures]) -> list[str]:
    """The first lines of a table: what it is, and on what machine the figures were made."""
    lines = [head, ""]
    if any(figures["quick"] for figures in found):
        lines += ["**A quick look at tiny data: these figures say nothing about quality.**", ""]
    about = found[-1]["circumstances"] if found else {}
    told = {key: value for key, value in about.items() if key not in ("command", "revision")}  # of that one file
    made = Counter(figures["circumstances"].get("revision", "one that was not written down") for figures in found)
    at = ", ".join(f"{name} ({count})" for name, count in sorted(made.items()))
    return lines + listed({**told, "revisions (files)": at} if found else told)


def beside(results: Path, ending: str) -> Path:
    """The file of the folder's name, with an ending, beside it."""
    folder = results.absolute()
    return folder.with_name(folder.name + ending)


def write_table(results: Path, text: str) -> None:
    """Writes the table beside the results, and says where."""
    table = beside(results, ".md")
    write_text(table, text)
    print(table)
