"""``nsm compare``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from nsm.cli.options import AsJson, Debug, Root, limit_threads

__all__ = ["EXAMPLES", "compare"]

EXAMPLES = """\b
Examples:
  nsm compare
  nsm compare planning causal
  nsm compare flat_1 hierarchy_1 --metric accuracy --metric auc
  nsm compare planning --html comparison.html
  nsm compare checkpoints other/checkpoints --json
"""

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RUN|DOMAIN|FOLDER]...",
        help="Runs, domains, or folders that hold runs; by default all runs below the root.",
        show_default=False,
    ),
]


def compare(
    targets: Targets = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="auc, ece, mrr, ...; repeatable. Default: accuracy.", show_default=False),
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="NAME", help="What the runs were evaluated on: a split, or the name of other data.")
    ] = "test",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with chart and tables.")] = None,
    figure: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the chart: .png, .svg or .pdf.")] = None,
    root: Root = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare evaluated runs across domains, models and seeds.

    Means over seeds with 95 % intervals; runs that differ in more than their seed are rows of their own. Two
    models with the same test graphs are compared graph by graph as well. Nothing is trained or evaluated.
    """
    del debug
    limit_threads(1)
    from nsm import pipeline

    found = pipeline.compare(targets or (), root=root, metrics=metric or ("accuracy",), split=split)
    written = pipeline.write_comparison(found, html=html, figure=figure)
    if as_json:
        print(json.dumps({**found.to_json(), "written": [str(path) for path in written]}))
        return
    if not found.rows:
        print("nothing to compare")
    else:
        print(found.table().to_text())
    if found.pairs:
        print(f"\naccuracy on the same graphs, first minus second\n{found.pair_table().to_text()}")
    for title, lines in (("note", found.notes), ("left out", found.left_out)):
        for line in lines:
            print(f"{title}: {line}")
    for path in written:
        print(f"written {path}")
