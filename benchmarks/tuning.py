"""As many tuning trials for the flat network as for the hierarchy, judged on validation graphs only.

    python benchmarks/tuning.py                                  # six trials of each, what is not there yet
    python benchmarks/tuning.py --domains planning --trials 4    # fewer
    python benchmarks/tuning.py --only planning_flat_3           # repeats one
    python benchmarks/tuning.py --table                          # only the table, from what is there

The first trial of both has the defaults. The others are points of a small space that is as large for the flat network
as for the hierarchy: learning rate, dropout, weight decay, depth, and on planning how messages are divided. They are
drawn with a fixed seed, and the trials of one number are at the same point of both spaces. Every network has as many
parameters as the default hierarchy, within 6 %. A trial trains half of the default epochs, on planning 8 of 28, on data
of seed 100, which no other training here has. Each is one JSON file in ``benchmarks/results/tuning/``; the table is
``tuning.md``. Nothing reads them: what is chosen is written into ``quality_sets.py``.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass
from pathlib import Path

from asking import guarded, positive, refuse
from nsm.config import Config
from paired import TRAINED, read_results
from quality_sets import DEFAULTS, TASKS, Task, build_config
from trainings import Figures, Place, add_options, keep, opening, placed, sized, train, write_table

RESULTS = Path(__file__).parent / "results" / "tuning"
SEED, ROUNDS = 100, 6
WITHIN = 0.06  # of the reference's parameters: a hierarchy's channels change them by steps
EPOCHS = {"planning": 8, "causal": 3, "kg": 6}
"""By domain: half of the default; of the many on planning less than a third."""

SPACE = {"learning_rate": ("1e-3", "2e-3", "4e-3"), "dropout": ("0.0", "0.1"), "weight_decay": ("0.01", "0.1")}
PLANNING_SPACE = {"message_norm": ("sum", "sqrt")}
DEPTH = {"hierarchy": ("refine_blocks=2", "refine_blocks=4"), "flat": ("flat_layers=4", "flat_layers=8")}

HEAD = """# Tuning

Made by `python benchmarks/tuning.py`: as many trials for the flat network as for the hierarchy, at as many parameters
(within 6 %), on data of seed 100 and for half of the default epochs (planning: 8 of 28).
Trial 0 has the defaults; trials of one number are at the same point of both spaces. Accuracy on the validation split in
per cent, at the best epoch; the best of a network is bold, equal ones by their loss. The test splits are not looked
at."""


@dataclass(frozen=True)
class Trial:
    """One training: a task, a kind of network, a number."""

    task: str
    kind: str
    number: int

    @property
    def name(self) -> str:
        """Name of its file and of its run."""
        return f"{self.task}_{self.kind}_{self.number}"

    @property
    def settings(self) -> tuple[str, ...]:
        """What it changes of the defaults."""
        return () if self.number == 0 else points(TASKS[self.task], self.kind)[self.number - 1]


def points(task: Task, kind: str) -> list[tuple[str, ...]]:
    """Points of the space in the order in which they are tried: the same places for both networks.

    Each value of an axis comes once before any comes again, so that a few points say something of all of them.
    """
    space = {**SPACE, **(PLANNING_SPACE if task.domain == "planning" else {})}
    axes = [[f"{key}={value}" for value in values] for key, values in space.items()] + [list(DEPTH[kind])]
    draw = random.Random(0).sample
    columns = [[value for _ in range(ROUNDS) for value in draw(axis, len(axis))] for axis in axes]
    return list(dict.fromkeys(zip(*columns, strict=False)))


def configured(trial: Trial, place: Place) -> Config:
    """The configuration of a trial, with as many parameters as the default hierarchy."""
    task, more = TASKS[trial.task], {"seed": SEED, "run": trial.name}
    if not place.is_quick:
        more["epochs"] = EPOCHS[task.domain]
    reference = build_config(task, ("model=hierarchy",), place, seed=SEED)
    config = build_config(task, (f"model={trial.kind}", *trial.settings), place, **more)
    return sized(config, reference, WITHIN)


def run(trial: Trial, place: Place, *, again: bool) -> None:
    """Makes a trial and keeps its figures, unless they are there."""

    def make() -> Figures:
        run, told = train(configured(trial, place))
        losses = [line["metrics"]["val_loss"] for line in run.read_history() if "val_loss" in line["metrics"]]
        about = {"task": trial.task, "kind": trial.kind, "trial": trial.number, "settings": list(trial.settings)}
        return {**about, **told, "best_val_loss": min(losses)}

    keep(trial.name, make, place, f"python benchmarks/tuning.py --only {trial.name}", again=again)


def trials(options: argparse.Namespace) -> list[Trial]:
    """What was asked for, trial by trial, so that an early stop leaves as many of both."""
    everything = {
        trial.name: trial
        for task in (TASKS if options.only else options.domains)
        for number in range(1 + len(points(TASKS[task], "flat")) if options.only else options.trials)
        for kind in DEPTH
        for trial in [Trial(task, kind, number)]
    }
    if unknown := [name for name in options.only or () if name not in everything]:
        refuse(f"expected a name such as planning_flat_3, got {unknown[0]!r}")
    return [everything[name] for name in options.only or everything]


def markdown(results: Path) -> str:
    """A table of all trials for each task."""
    found = read_results(results, ("task", "kind", "trial", "settings", "best_val_loss", *TRAINED))
    lines = opening(HEAD, found)
    for task in dict.fromkeys(figures["task"] for figures in found):
        lines += [
            "",
            f"## {task}",
            "",
            "| trial | settings | channels | parameters | epochs | validation | loss | processor, s |",
        ]
        lines.append("|---|---|---:|---:|---:|---:|---:|---:|")
        for kind in DEPTH:
            mine = sorted((f for f in found if (f["task"], f["kind"]) == (task, kind)), key=lambda f: f["trial"])
            lines += [_row(figures, best=figures is best(mine)) for figures in mine]
    return "\n".join(lines) + "\n"


def best(found: list[Figures]) -> Figures:
    """The trial with the highest accuracy on validation; of equal ones that with the lower loss."""
    return max(found, key=lambda figures: (figures["best_val_acc"], -figures["best_val_loss"]))


def _row(figures: Figures, *, best: bool) -> str:
    """One trial."""
    accuracy = f"{100 * figures['best_val_acc']:.2f}"
    cells = [f"{figures['task']}_{figures['kind']}_{figures['trial']}"]
    cells += [", ".join(figures["settings"]) or "the defaults", str(figures["channels"])]
    cells += [f"{figures['parameters']:,}", str(figures["epochs"])]
    cells += [f"**{accuracy}**" if best else accuracy, f"{figures['best_val_loss']:.4f}"]
    return f"| {' | '.join(cells)} | {figures['processor_seconds']:.0f} |"


def main() -> int:
    """Makes what is missing, then writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domains", nargs="+", choices=TASKS, default=list(DEFAULTS), help="tasks")
    parser.add_argument("--trials", type=positive, default=6, help="of each kind of network")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="repeat these, such as planning_flat_3")
    add_options(parser, RESULTS)
    options = parser.parse_args()
    most = 1 + min(len(points(TASKS[task], kind)) for task in options.domains for kind in DEPTH)
    if not 1 <= options.trials <= most:
        parser.error(f"--trials: expected 1 to {most}, which is all that the spaces have, got {options.trials}")
    with placed(parser, options) as place:
        for trial in [] if options.table else trials(options):
            run(trial, place, again=options.only is not None)
    write_table(options.results, markdown(options.results))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
