"""``nsm evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from nsm.cli.options import AsJson, Data, Debug, Quiet, Root, limit_threads
from nsm.runs import find_run, resolve_root

__all__ = ["EXAMPLES", "evaluate"]

EXAMPLES = """\b
Examples:
  nsm evaluate checkpoints/planning/runs/flat_1
  nsm evaluate flat_1 --root checkpoints
  nsm evaluate flat_1 --split val --json
  nsm evaluate own_1 --data moved/my_data
  nsm evaluate flat_1 --set planning.min_length=30 --set planning.max_length=48 --name longer
"""

RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, or the name of a run.", show_default=False)]


def evaluate(
    run: RunName,
    split: Annotated[
        Literal["test", "val", "train", "all"] | None,
        typer.Option(help="What it is evaluated on. Default: test; of other data (--set) all.", show_default=False),
    ] = None,
    root: Root = None,
    data: Data = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Other data: a setting such as planning.max_length=48; repeatable."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the other data in the files.", show_default=False)
    ] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Evaluate the best model of a run.

    Writes final_results.json, predictions.parquet, figures/ and a self-contained report.html into the run
    folder, and prints the figures that matter beside the line of the majority class. With --set the data are others
    than those of the training, of the same vocabularies; what the run has seen of them is left out.
    """
    del debug
    found = find_run(run, resolve_root(root))
    limit_threads(1)
    from nsm import pipeline

    result = pipeline.evaluate(
        found, split=split, root=root, data=data, overrides=overrides or (), name=name, quiet=quiet
    )
    if as_json:
        print(json.dumps(result.to_json()))
        return
    print(_summary(result.figures, result.report))


def _calibration(figures: dict[str, Any]) -> str:
    """The calibration error, with the temperature of the validation split where there is one, and by chance."""
    told = [f"{figures['ece_by_chance']:.3f} by chance"]
    if figures["ece_calibrated"] is not None:
        told.insert(0, f"{figures['ece_calibrated']:.3f} at temperature {figures['temperature']:.2f}")
    return f"{figures['ece']:.3f} ({', '.join(told)})"


def _abstract(figures: dict[str, Any]) -> Any:
    """The error without details, what is left to it when the abstract level says nothing, and how large that is."""
    error, structure = figures["reconstruction_abstract"], figures["reconstruction_structure"]
    if structure is None:
        return error
    told = (
        f"{error:.3g} ({structure:.3g} from the stored graphs alone; {figures['top_share']:.0%} of the nodes at the top"
    )
    return told + (", nothing was dropped)" if figures["top_share"] == 1 else ")")


def _summary(figures: dict[str, Any], report: Path) -> str:
    """The figures that matter, as lines."""
    interval = f"{figures['accuracy_low']:.2%} to {figures['accuracy_high']:.2%}"
    rows = [
        (figures["split"], f"{figures['samples']:,} graphs"),
        ("accuracy", f"{figures['accuracy']:.2%} ({interval}; majority {figures['majority']:.2%})"),
        ("AUC", figures["auc"]),
        ("ECE", _calibration(figures)),
        ("round trip", figures["reconstruction_exact"]),
        ("abstract", _abstract(figures)),
    ]
    for name, part in (figures.get("by_family") or figures.get("by_rung", {})).items():
        limits = f" (majority {part['majority']:.2%}, ceiling {part['ceiling']:.2%})" if part["ceiling"] else ""
        rows.append((f"  {name}", f"{part['accuracy']:.2%}{limits}"))
    rows += [(f"  length {name}", f"{part['accuracy']:.2%}") for name, part in figures.get("by_length", {}).items()]
    if "mrr" in figures:
        rows += [("MRR", figures["mrr"]), ("Hits@10", figures["hits_at_10"]), ("protocol", figures["protocol"])]
    rows.append(("report", str(report)))
    texts = [(name, f"{value:.3g}" if isinstance(value, float) else value) for name, value in rows]
    return "\n".join(f"{name:<16}{text}" for name, text in texts if text is not None)
