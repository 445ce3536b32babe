"""What the tables of `quality.py` come to: where the hierarchy is better, and which limits it keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from paired import Chosen, difference, majority, span, told, verdict
from quality_sets import DEFAULTS, FLAT, MODELS, REFERENCE, TASKS

__all__ = ["Runs", "best_flat", "by_model", "glance", "limits", "seconds_of"]

Figures = dict[str, Any]
Runs = dict[str, list[Figures]]

RECONSTRUCTION, ROUND_TRIP, DECODED, CALIBRATION = 0.35, 1e-5, 0.95, 0.03

GLANCE = """## At a glance

The hierarchy less flat networks, in points; better or worse where the interval of the difference lies on one side of 0.
Time: processor time of the best flat network's training, as a multiple of the hierarchy's."""

LIMITS = f"""## Reconstruction and calibration

On the test splits, mean over the seeds. Error: of the reconstruction without details, relative to each graph's spread;
at most {RECONSTRUCTION}. Decoded from that reconstruction by a linear probe: node types, {DECODED:.0%} or more, roles
and orders. Round trip: with all details, under {ROUND_TRIP:.0e}. ECE: after one temperature fitted on the validation
split; under {CALIBRATION} for the default data of each domain ({", ".join(DEFAULTS)}). By chance: what a perfectly
calibrated model of the same confidences has on as many graphs on average, beside which the mean over the seeds is to be
read, and what 95 of 100 such test sets do not exceed."""


def by_model(found: Sequence[Figures], task: str) -> Runs:
    """The trainings on a task, by model."""
    mine = {model: [f for f in found if (f["task"], f["model"]) == (task, model)] for model in MODELS}
    return {model: runs for model, runs in mine.items() if runs}


def best_flat(mine: Runs) -> str | None:
    """The flat network that does best on the validation split, over the seeds that all have; None without one."""
    flat = {name: {run["seed"]: run["best_val_acc"] for run in mine[name]} for name in FLAT if name in mine}
    shared = set.intersection(*map(set, flat.values())) if flat else set()
    scores = {name: mean(of[seed] for seed in sorted(shared or of)) for name, of in flat.items()}
    return max(scores, key=lambda name: scores[name]) if scores else None


def seconds_of(mine: Runs, model: str) -> float | None:
    """How many times the reference's processor time a model was trained for, over the seeds that both have."""
    both = [{run["seed"]: run["processor_seconds"] for run in mine.get(name, [])} for name in (model, REFERENCE)]
    seeds = [seed for seed in both[0] if seed in both[1]]
    return sum(both[0][s] for s in seeds) / sum(both[1][s] for s in seeds) if seeds else None


def glance(tasks: Mapping[str, Runs], folder: Path) -> list[str]:
    """One row for each set: the hierarchy, the best flat network, the difference and what follows."""
    each_of = " | ".join(f"less {name}" for name in FLAT)
    lines = ["", GLANCE, "", f"| task | set | hierarchy | best flat | difference | | time | {each_of} |"]
    lines.append("|---|---|---|---|---|---|---:|" + "---:|" * len(FLAT))
    for name, mine in tasks.items():
        flat, ours = best_flat(mine), mine.get(REFERENCE, [])
        if flat is None or not ours:
            continue
        for part in TASKS[name].sets:
            best = difference(ours, mine[flat], part, folder)
            spans = [span([run["sets"][part]["accuracy"] for run in runs]) for runs in (ours, mine[flat])]
            ends = [verdict(best), *_failed(name, part, {REFERENCE: ours, flat: mine[flat]}, folder)]
            cells = [name, part, spans[0], f"{flat} {spans[1]}", told(best), "; ".join(filter(None, ends))]
            ratio = seconds_of(mine, flat)
            cells.append("" if ratio is None else f"{ratio:.2f}")
            each = [difference(ours, mine.get(model, []), part, folder) for model in FLAT]
            cells += ["" if one is None else f"{100 * one.difference:+.2f}, {verdict(one)}" for one in each]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _failed(task: str, part: str, mine: Runs, folder: Path) -> list[str]:
    """Which models are not as far above the majority as they have to be."""
    least = TASKS[task].least.get(part)
    if least is None:
        return []
    told = []
    for model, runs in mine.items():
        above = [one.accuracy - majority(one.labels) for one in (Chosen(run["sets"][part], folder) for run in runs)]
        if mean(above) < least:
            told.append(f"failed: {model} is not {least:.0%} above the majority")
    return told


def limits(tasks: Mapping[str, Runs]) -> list[str]:
    """What the abstract level explains, the exact round trip and the calibration, beside their limits."""
    rows = [
        f"| {name} | {model} | {' | '.join(_limits([run['sets']['test'] for run in mine[model]], name))} |"
        for name, mine in tasks.items()
        for model in (REFERENCE, best_flat(mine))
        if model in mine
    ]
    heading = "| task | model | error | node types | roles | orders | round trip | ECE | by chance | temperature |"
    return ["", LIMITS, "", heading, "|---|---|---|---:|---:|---:|---:|---|---:|---:|", *rows]


def _limits(sets: Sequence[Figures], task: str) -> list[str]:
    """The cells of one row."""

    def average(read: Any) -> float | None:
        values = [value for value in map(read, sets) if value is not None]
        return mean(values) if values else None

    def cell(value: float | None, form: str, *, is_kept: bool = True) -> str:
        return "" if value is None else f"{value:{form}}" + ("" if is_kept else " (missed)")

    error, exact = average(lambda s: s["reconstruction_abstract"]), average(lambda s: s["reconstruction_exact"])
    shares = {k: average(lambda s, k=k: (s["decoded"] or {}).get(k)) for k in ("node_type", "role", "order")}
    ece = average(lambda s: s["ece_calibrated"])
    chance = [average(lambda s, k=k: s.get(k)) for k in ("ece_by_chance", "ece_by_chance_high")]
    types = shares.pop("node_type")
    return [
        cell(error, ".3f", is_kept=(error or 0) <= RECONSTRUCTION),
        cell(types, ".1%", is_kept=types is None or types >= DECODED),
        *(cell(share, ".1%") for share in shares.values()),
        cell(exact, ".0e", is_kept=(exact or 0) < ROUND_TRIP),
        cell(ece, ".3f", is_kept=task not in DEFAULTS or (ece or 0) < CALIBRATION),
        " to ".join(filter(None, (cell(value, ".3f") for value in chance))),
        cell(average(lambda s: s["temperature"]), ".2f"),
    ]
