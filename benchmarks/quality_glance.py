"""What the tables of `quality.py` come to: where the hierarchy is better, and which limits it keeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from paired import TRAINED, Chosen, difference, majority, read_results, span, told, verdict
from quality_sets import BESIDE, DEFAULTS, EQUAL_TIME, FLAT, MODELS, QUARTER, REFERENCE, TASKS, WITHOUT_CYCLE

__all__ = [
    "NEEDED",
    "Runs",
    "best_flat",
    "budgets",
    "by_model",
    "fresh_of",
    "glance",
    "limits",
    "price",
    "read_all",
    "seconds_of",
    "step_ratio",
]

Figures = dict[str, Any]
Runs = dict[str, list[Figures]]

NEEDED = ("task", "model", "seed", "sets", *TRAINED)
"""What every result of `quality.py` has to have."""


def read_all(results: Path) -> list[Figures]:
    """What all trainings left, each with figures of all sets of its task.

    Raises:
        DataError: If a file is not what a training leaves.
    """
    return read_results(results, NEEDED, lambda found: TASKS[found["task"]].sets if found["task"] in TASKS else ())


STEP_TIME = Path(__file__).parent / "results" / "step_time.json"
ENOUGH = 3  # seeds of a flat network that can be the best one

RECONSTRUCTION, ROUND_TRIP, DECODED, CALIBRATION = 0.35, 1e-5, 0.95, 0.03

GLANCE = """## At a glance

The hierarchy less flat networks, in points; better or worse where both intervals of the difference lie on one side of
0. Time: processor time of the best flat network's training, as a multiple of the hierarchy's. Fresh: the seeds among
them that no decision about the model has seen; the others' results on these test sets were known when it was last
changed."""

LIMITS = f"""## Reconstruction and calibration

On the test splits, mean over the seeds with the lowest and the highest, and how many of them miss a limit. Error: of
the reconstruction without details, relative to each graph's spread; at most {RECONSTRUCTION}. Decoded from that
reconstruction by a linear probe: node types, {DECODED:.0%} or more, roles and orders. Alike: the same where all
nodes of the abstract level are alike, so that only the stored graphs, leaders and scores speak; what the abstract
level itself says is the difference. At the top: the share of the nodes that are there. These were not measured for
the older results. Round trip: with all details, under {ROUND_TRIP:.0e}. ECE: after one temperature fitted on the
validation split; under {CALIBRATION} for the default data of each domain ({", ".join(DEFAULTS)}). By chance: what a
perfectly calibrated model of the same confidences has on as many graphs on average, beside which the mean over the
seeds is to be read, and what 95 of 100 such test sets do not exceed."""


PRICE = f"""## What the reconstruction costs

The hierarchy, and `{QUARTER}`, less `{WITHOUT_CYCLE}`, which is the first without the reconstruction error in its
loss, in points: negative is a cost; of the second it is that of its levels, its pooling and its weight together. Error:
of the reconstruction without details, which nothing has taught the last."""


BUDGETS = """## Trained for less, and for longer

The same comparison with other times: 21 epochs of the hierarchy, the default, and 42 (on planning, whose default is 28,
a quarter fewer and half as many again), and as many of the flat network as take that time, in points. With so many
lengths to look at, one that is better or worse says less than it would alone. A flat network whose epochs are those of
`flat-8` is that very training."""


def by_model(found: Sequence[Figures], task: str) -> Runs:
    """The trainings on a task, by model."""
    mine = {model: [f for f in found if (f["task"], f["model"]) == (task, model)] for model in MODELS}
    return {model: runs for model, runs in mine.items() if runs}


def best_flat(mine: Runs) -> str | None:
    """The flat network that does best on the validation split, over the seeds that all have; None without one.

    Those of fewer than three seeds do not count where another has as many.
    """
    flat = {name: {run["seed"]: run["best_val_acc"] for run in mine[name]} for name in FLAT if name in mine}
    flat = {name: of for name, of in flat.items() if len(of) >= ENOUGH} or flat
    shared = set.intersection(*map(set, flat.values())) if flat else set()
    scores = {name: mean(of[seed] for seed in sorted(shared or of)) for name, of in flat.items()}
    return max(scores, key=lambda name: scores[name]) if scores else None


def seconds_of(mine: Runs, model: str) -> float | None:
    """How many times the processor time of the hierarchy beside it a model took, over the seeds that both have."""
    names = (model, BESIDE.get(model, REFERENCE))
    both = [{run["seed"]: run["processor_seconds"] for run in mine.get(name, [])} for name in names]
    seeds = [seed for seed in both[0] if seed in both[1]]
    return sum(both[0][s] for s in seeds) / sum(both[1][s] for s in seeds) if seeds else None


def step_ratio(task: str, model: str, file: Path = STEP_TIME) -> float | None:
    """A model's step as a multiple of the reference's, taken in turn; None where that was not measured.

    Args:
        task: Name of the task.
        model: Name of the model.
        file: What `step_time.py` has written.
    """
    contests = json.loads(file.read_text(encoding="utf-8"))["contests"] if file.exists() else []
    rows = next((one["rows"] for one in contests if one["title"].startswith(f"{task}: ")), [])
    return next((float(row["ratio"]) for row in rows if row["name"] == model), None)


def glance(tasks: Mapping[str, Runs], folder: Path) -> list[str]:
    """One row for each set: the hierarchy, the best flat network, the difference and what follows."""
    each_of = " | ".join(f"less {name}" for name in FLAT)
    lines = ["", GLANCE, "", f"| task | set | hierarchy | best flat | difference | | time | {each_of} |"]
    lines.append("|---|---|---|---|---|---|---:|" + "---:|" * len(FLAT))
    for name, mine in tasks.items():
        flat = best_flat(mine)
        if flat is None or REFERENCE not in mine:
            continue
        for part in TASKS[name].sets:
            lines.append(_row(name, part, mine, flat, folder))
            if fresh := fresh_of(name, mine):
                lines.append(_row(name, part, fresh, flat, folder, " (fresh)"))
    return lines


def fresh_of(task: str, mine: Runs) -> Runs:
    """The trainings of fresh seeds; none where all are, or the hierarchy has none."""
    seen = TASKS[task].seen
    fresh = {model: [run for run in runs if run["seed"] not in seen] for model, runs in mine.items()}
    has_both = 0 < len(fresh.get(REFERENCE, ())) < len(mine.get(REFERENCE, ()))
    return {model: runs for model, runs in fresh.items() if runs} if has_both else {}


def _row(name: str, part: str, mine: Runs, flat: str, folder: Path, remark: str = "") -> str:
    """The hierarchy beside the best flat network, on one set."""
    ours, theirs = mine[REFERENCE], mine.get(flat, [])
    best = difference(ours, theirs, part, folder)
    spans = [span([run["sets"][part]["accuracy"] for run in runs]) for runs in (ours, theirs)]
    ends = [verdict(best), *_failed(name, part, {REFERENCE: ours, flat: theirs}, folder)]
    cells = [name + remark, part, spans[0], f"{flat} {spans[1]}", told(best), "; ".join(filter(None, ends))]
    ratio = seconds_of(mine, flat)
    cells.append("" if ratio is None else f"{ratio:.2f}")
    each = [difference(ours, mine.get(model, []), part, folder) for model in FLAT]
    cells += ["" if one is None else f"{100 * one.difference:+.2f}, {verdict(one)}" for one in each]
    return f"| {' | '.join(cells)} |"


def _failed(task: str, part: str, mine: Runs, folder: Path) -> list[str]:
    """Which models are not as far above the majority as they have to be."""
    least = TASKS[task].least.get(part)
    if least is None:
        return []
    told = []
    for model, runs in mine.items():
        above = [one.accuracy - majority(one.labels) for one in (Chosen(run["sets"][part], folder) for run in runs)]
        if above and mean(above) < least:
            told.append(f"failed: {model} is not {least:.0%} above the majority")
    return told


def price(tasks: Mapping[str, Runs], folder: Path) -> list[str]:
    """What it costs to teach the way back, where that was measured."""
    rows = [
        f"| {name} | {part} | {model} | {' | '.join(_price(mine[model], mine[WITHOUT_CYCLE], part, folder))} |"
        for name, mine in tasks.items()
        for model in (REFERENCE, QUARTER)
        if _shared(mine.get(model, []), mine.get(WITHOUT_CYCLE, []))
        for part in TASKS[name].sets
    ]
    heading = f"| task | set | model | accuracy | {WITHOUT_CYCLE} | difference | error | error without |"
    return ["", PRICE, "", heading, "|---|---|---|---|---|---|---:|---:|", *rows] if rows else []


def budgets(tasks: Mapping[str, Runs], folder: Path) -> list[str]:
    """The hierarchy beside the flat network of as much time, for every time that was tried; none where it is one."""
    rows = []
    for name, mine in tasks.items():
        pairs = {
            flat: beside for flat, beside in EQUAL_TIME.items() if _shared(mine.get(flat, []), mine.get(beside, []))
        }
        for part in TASKS[name].sets if len(pairs) > 1 else ():
            for flat, beside in pairs.items():
                ours, theirs = mine[beside], mine[flat]
                first, second, less = _beside(ours, theirs, part, folder)
                seen = verdict(difference(ours, theirs, part, folder))
                cells = (name, part, _epochs(ours), first, f"{flat}, {_epochs(theirs)}", second, less, seen)
                rows.append(f"| {' | '.join(cells)} |")
    heading = "| task | set | hierarchy, epochs | right | flat, epochs | right | difference | |"
    return ["", BUDGETS, "", heading, "|---|---|---:|---|---|---|---|---|", *rows] if rows else []


def _epochs(runs: Sequence[Figures]) -> str:
    """How many epochs trainings had, which is not the same for all where they were made on several machines."""
    found = sorted({run["epochs"] for run in runs})
    return " to ".join(dict.fromkeys(str(count) for count in (found[0], found[-1])))


def _shared(ours: Sequence[Figures], theirs: Sequence[Figures]) -> set[int]:
    """The seeds that both have."""
    return {run["seed"] for run in ours} & {run["seed"] for run in theirs}


def _beside(ours: Sequence[Figures], theirs: Sequence[Figures], part: str, folder: Path) -> list[str]:
    """Both accuracies on a set, over the seeds that both have, and the difference."""
    seeds = _shared(ours, theirs)
    both = [[run["sets"][part]["accuracy"] for run in runs if run["seed"] in seeds] for runs in (ours, theirs)]
    return [*map(span, both), told(difference(ours, theirs, part, folder))]


def _price(ours: Sequence[Figures], theirs: Sequence[Figures], part: str, folder: Path) -> list[str]:
    """The last cells of one row: both accuracies, the difference, both errors."""
    seeds, key = _shared(ours, theirs), "reconstruction_abstract"
    errors = [[run["sets"][part][key] for run in runs if run["seed"] in seeds] for runs in (ours, theirs)]
    return [*_beside(ours, theirs, part, folder), *(_cell(of, ".3f") for of in errors)]


def limits(tasks: Mapping[str, Runs]) -> list[str]:
    """What the abstract level explains, the exact round trip and the calibration, beside their limits."""
    rows = [
        f"| {name} | {model} | {' | '.join(_limits([run['sets']['test'] for run in mine[model]], name))} |"
        for name, mine in tasks.items()
        for model in (REFERENCE, QUARTER, best_flat(mine))
        if model in mine
    ]
    columns = (
        "task",
        "model",
        "error",
        "alike",
        "at the top",
        "node types",
        "alike",
        "roles",
        "alike",
        "orders",
        "alike",
    )
    heading = f"| {' | '.join(columns)} | round trip | ECE | by chance | temperature |"
    return ["", LIMITS, "", heading, "|---" * (len(columns) + 4) + "|", *rows]


def _limits(sets: Sequence[Figures], task: str) -> list[str]:
    """The cells of one row."""

    def values(read: Callable[[Figures], float | None]) -> list[float]:
        return [value for value in map(read, sets) if value is not None]

    def decoded(key: str, name: str = "decoded") -> list[float]:
        return values(lambda s: (s.get(name) or {}).get(key))

    def by_structure(key: str) -> str:
        return _cell(decoded(key, "decoded_structure"), ".1%")

    chance = [values(lambda s, k=k: s.get(k)) for k in ("ece_by_chance", "ece_by_chance_high")]  # type: ignore[misc]
    is_calibrated = (lambda ece: ece < CALIBRATION) if task in DEFAULTS else None
    return [
        _cell(values(lambda s: s["reconstruction_abstract"]), ".3f", lambda error: error <= RECONSTRUCTION),
        _cell(values(lambda s: s.get("reconstruction_structure")), ".3f"),
        _cell(values(lambda s: s.get("top_share")), ".1%"),
        *(_cell(decoded("node_type"), ".1%", lambda share: share >= DECODED), by_structure("node_type")),
        *(_cell(decoded("role"), ".1%"), by_structure("role"), _cell(decoded("order"), ".1%"), by_structure("order")),
        _cell(values(lambda s: s["reconstruction_exact"]), ".0e", lambda error: error < ROUND_TRIP),
        _cell(values(lambda s: s["ece_calibrated"]), ".3f", is_calibrated),
        " to ".join(f"{mean(found):.3f}" for found in chance if found) or "not measured",
        _cell(values(lambda s: s["temperature"]), ".2f"),
    ]


def _cell(values: Sequence[float], form: str, is_kept: Callable[[float], bool] | None = None) -> str:
    """Mean, lowest and highest, and how many miss a limit."""
    if not values:
        return ""
    told = f"{mean(values):{form}}"
    if len(values) > 1:
        told += f" ({min(values):{form}} to {max(values):{form}})"
    misses = 0 if is_kept is None else sum(not is_kept(value) for value in values)
    if is_kept is not None and not is_kept(mean(values)):
        return f"{told}, missed" + (f" by {misses} of {len(values)}" if len(values) > 1 else "")
    return told + (f", {misses} of {len(values)} miss" if misses else "")
