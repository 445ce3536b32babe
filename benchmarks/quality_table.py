"""The tables of `quality.py`, from the files that its trainings left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from paired import Chosen, difference, labels_of, majority, span, told
from quality_glance import Runs, best_flat, budgets, by_model, glance, limits, price, read_all, seconds_of, step_ratio
from quality_sets import BESIDE, LONG, REFERENCE, TASKS, Task
from quality_stories import ranks, stories
from trainings import opening

__all__ = ["markdown"]

Figures = dict[str, Any]

RANKS = Path(__file__).parent / "results" / "kg"
HEAD = """# Quality

Made by `python benchmarks/quality.py`, task by task with the models and seeds that are listed (`--domains`, `--models`,
`--seeds`); seeds 0, 1 and 100 are those that models were developed on. Accuracy in per cent: mean over the seeds with
Student's 95 % interval. Difference: less the best flat network, in points, on the same graphs and seeds, with the 95 %
interval of a bootstrap that draws seeds and whole groups, and (t) Student's over the seeds. The best flat network of a
task is the one of the highest mean accuracy on the validation split, over the seeds that all flat networks of three
seeds and more have; the test sets take no part in that. Every network has as many parameters as the hierarchy, within 5
%, but `hierarchy-bases`, which is the hierarchy with weights that relations share (`num_bases = 8`) where that saves
any. `hierarchy-no-cycle` is the hierarchy with `cycle_weight = 0`; `hierarchy-quarter` has about a quarter of the nodes
at the top (three levels, a smaller `pool_ratio` and, but on UMLS, more weight on the reconstruction, on causal
questions `decode_weight` too; see `TUNED` in `quality_sets.py`). `hierarchy-less` has 21 epochs, `hierarchy-more` 42,
`flat-8-less` and `flat-8-more` as many as take their time. On planning GINE and GPS have `learning_rate = 1e-3`, with
the default of 4e-3 GINE learns nothing there (52.6 % of seed 12's validation graphs). Training: wall clock (on a
machine that others used at the same time) and the processor time of the loop, validations included; not all trainings
were made on one machine, so times compare between the hierarchy and the flat networks of the same seeds only, and
roughly, since other programs ran beside some; [step_time.md](step_time.md) has steps in turn. `flat-4-long` and
`flat-8-long` are `flat-4` and `flat-8` with as many epochs as take the hierarchy's time, by those steps (by processor
times of the same seed where there are none, and before), and the shorter training where that is no more."""


def markdown(results: Path, picture: str | None = None) -> str:
    """All tables.

    Args:
        results: Where the trainings' files are.
        picture: Name of the picture beside the table.
    """
    found = read_all(results)
    lines = opening(HEAD, found)
    tasks = {name: by_model(found, name) for name in TASKS}
    tasks = {name: mine for name, mine in tasks.items() if mine}
    lines += glance(tasks, results / "sets") + budgets(tasks, results / "sets")
    lines += limits(tasks) + price(tasks, results / "sets")
    if picture:
        lines += ["", f"![Accuracy by distance from failure to cause, and by length]({picture})"]
    for name, mine in tasks.items():
        task = TASKS[name]
        lines += ["", f"## {name}", "", task.seeks, *_sizes(name, mine)]
        for part in task.sets:
            lines += _set(part, task, mine, results / "sets")
        lines += ranks(task.graph, RANKS) if task.graph else []
        lines += stories(mine, results / "sets") if "length" in task.parts else []
    return "\n".join(lines) + "\n"


def _epochs(runs: Sequence[Figures]) -> float:
    return mean(run["epochs"] for run in runs)


def _sizes(task: str, mine: Runs) -> list[str]:
    """What each model is and costs."""
    lines = ["", "| model | parameters | channels | seeds | epochs | validation | training, s | processor, s |"]
    lines.append("|---|---:|---:|---|---:|---:|---:|---:|")
    for model, runs in mine.items():
        size, channels = runs[0]["parameters"], runs[0]["channels"]
        cells = [model, "" if size is None else f"{size:,}", "" if channels is None else str(channels)]
        cells.append(", ".join(str(run["seed"]) for run in runs))
        epochs = sorted({run["epochs"] for run in runs if run["epochs"]})
        cells.append(" to ".join(dict.fromkeys(str(count) for count in (epochs[:1] + epochs[-1:]))))
        cells.append(_mean(runs, "best_val_acc", 100, 1))
        cells += [_mean(runs, "seconds", 1, 0), _mean(runs, "processor_seconds", 1, 0)]
        lines.append(f"| {' | '.join(cells)} |")
    for model, short in LONG.items():
        is_short = _commands(mine.get(model, [])) <= _commands(mine.get(short, []))
        if (ratio := seconds_of(mine, model)) is not None and not is_short:
            beside = BESIDE.get(model, REFERENCE)
            told = f"{model} took {ratio:.3f} times the processor time of {beside}"
            if (step := step_ratio(task, short)) is not None:
                told += f", its epochs {step * _epochs(mine[model]) / _epochs(mine[beside]):.3f} times by steps in turn"
            lines += ["", f"{told}."]
    return lines


def _commands(runs: Sequence[Figures]) -> set[str]:
    """What made them; a longer training that is the shorter one has its command."""
    return {run["circumstances"].get("command", "") for run in runs}


def _mean(runs: Sequence[Figures], key: str, factor: float, digits: int) -> str:
    values = [run[key] for run in runs if run[key] is not None]
    return f"{factor * mean(values):.{digits}f}" if values else ""


def _set(name: str, task: Task, mine: Runs, folder: Path) -> list[str]:
    """One evaluation set: all models, then its parts."""
    flat = best_flat(mine)
    sets = [run["sets"][name] for runs in mine.values() for run in runs]
    least = mean(majority(Chosen(one, folder).labels) for one in sets)
    sizes = " and ".join(f"{size:,}" for size in sorted({one["samples"] for one in sets}))
    about = f"{sizes} graphs for each seed; majority {least:.1%}"
    ceilings = [one["ceiling"] for one in sets if one.get("ceiling") is not None]
    about += f"; ceiling {mean(ceilings):.1%}" if ceilings else ""
    lines = ["", f"### {name}", "", f"{about}.", "", f"| model | accuracy | less {flat or 'a flat network'} | |"]
    lines.append("|---|---|---|---|")
    for model, runs in mine.items():
        found = difference(runs, mine.get(flat or "", []), name, folder) if model != flat else None
        accuracies = [run["sets"][name]["accuracy"] for run in runs]
        is_low = mean(accuracies) < least + task.least.get(name, 0)
        failed = f"failed: not {task.least[name]:.0%} above the majority" if name in task.least and is_low else ""
        lines.append(f"| {model} | {span(accuracies)} | {told(found)} | {failed} |")
    for part in task.parts:
        lines += _parts(name, part, mine, flat, folder)
    return lines


def _parts(name: str, part: str, mine: Runs, flat: str | None, folder: Path) -> list[str]:
    """The reference beside the best flat network, part by part."""
    runs, others = mine.get(REFERENCE, []), mine.get(flat or "", [])
    labels = labels_of([run["sets"][name] for run in runs], folder, part)
    if not labels or not others:
        return []
    lines = ["", f"| {part} | graphs | majority | ceiling | {REFERENCE} | {flat} | difference |"]
    lines.append("|---|---:|---:|---:|---|---|---|")
    for label in labels:
        where = (part, label)
        chosen = [Chosen(run["sets"][name], folder, where) for run in runs]
        theirs = [Chosen(run["sets"][name], folder, where) for run in others]
        least = mean(majority(one.labels) for one in chosen if len(one.labels))
        ceilings = [one.ceiling for one in chosen if one.ceiling is not None]
        ceiling = f"{100 * mean(ceilings):.1f}" if ceilings else ""
        spans = [span([one.accuracy for one in found if len(one.right)]) for found in (chosen, theirs)]
        cells = [label, f"{sum(len(one.right) for one in chosen):,}", f"{100 * least:.1f}", ceiling, *spans]
        cells.append(told(difference(runs, others, name, folder, where)))
        lines.append(f"| {' | '.join(cells)} |")
    return lines
