"""Knowledge graphs beside what others have published: ranks by graph, stories by length."""

from __future__ import annotations

from pathlib import Path
from statistics import mean

from paired import Chosen, labels_of, read_results
from published import CTP, RANKING
from quality_glance import Runs

__all__ = ["ranks", "stories"]

RANKS = """### ranks

Filtered, against 50 sampled negatives, both directions; mean, lowest and highest seed. The link scorer ranks beside any
model and is no hierarchy; its figures are those of `python benchmarks/kg.py --tasks {graph} --models ours`."""


def ranks(graph: str, results: Path) -> list[str]:
    """MRR and Hits@10 of the link scorer, as `kg.py` left them, beside the published ones."""
    found = [f for f in read_results(results) if f["task"] == graph and f["model"] == "ours" and "mrr" in f]
    lines = ["", RANKS.format(graph=graph), "", "| model | seeds | MRR | Hits@10 |", "|---|---|---:|---:|"]
    if found:
        cells = [[100 * run[key] for run in found] for key in ("mrr", "hits_at_10")]
        texts = [f"{mean(values):.1f} ({min(values):.1f} to {max(values):.1f})" for values in cells]
        lines.append(f"| link scorer | {', '.join(str(run['seed']) for run in found)} | {' | '.join(texts)} |")
    for name, figures in RANKING[graph].items():
        lines.append(f"| {name}, as published | | | {100 * figures['hits_at_10']:.1f} |")
    return lines


def stories(mine: Runs, folder: Path) -> list[str]:
    """Mean accuracy of every model by the number of facts, beside the published one."""
    lengths = labels_of([run["sets"]["test"] for runs in mine.values() for run in runs], folder, "length")
    lines = ["", "### by length", "", "Mean over the seeds.", "", f"| model | {' | '.join(lengths)} |"]
    lines.append("|---|" + "---:|" * len(lengths))
    for model, runs in mine.items():
        chosen = [[Chosen(run["sets"]["test"], folder, ("length", length)) for run in runs] for length in lengths]
        cells = [f"{100 * mean(one.accuracy for one in of):.1f}" for of in chosen]
        lines.append(f"| {model} | {' | '.join(cells)} |")
    published = [f"{100 * CTP[length]:.1f}" if length in CTP else "" for length in lengths]
    return [*lines, f"| CTP, as published | {' | '.join(published)} |"]
