"""``nsm data``: looking at the data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from nsm.cli.options import (
    AsJson,
    ConfigFile,
    Debug,
    Domain,
    Graph,
    Inductive,
    Overrides,
    Pddl,
    Plans,
    Quiet,
    Root,
    Seed,
    configure,
)

__all__ = ["app", "show"]

app = typer.Typer(help="Look at the data that models learn from.", no_args_is_help=True, rich_markup_mode=None)

EXAMPLES = """\b
Examples:
  nsm data show planning -n 3
  nsm data show planning --split test --out pictures
  nsm data show planning --pddl my/problems -n 1
"""


@app.callback()
def data() -> None:
    """Look at the data that models learn from."""


@app.command("show", epilog=EXAMPLES)
def show(
    domain: Domain,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many graphs.")] = 3,
    split: Annotated[Literal["train", "val", "test"], typer.Option(help="From which split.")] = "train",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the pictures go. Default: ROOT/DOMAIN/graphs."),
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    seed: Seed = None,
    root: Root = None,
    pddl: Pddl = None,
    plans: Plans = None,
    graph: Graph = None,
    inductive: Inductive = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show some graphs as readable triples and as pictures, the labels in turn.

    A star marks the evidence: the triples that decide the label. Models never see it.
    """
    del debug
    settings = configure(
        config,
        overrides,
        domain=domain,
        seed=seed,
        root=root,
        pddl=pddl,
        plans=plans,
        graph=graph,
        inductive=inductive,
    )
    from nsm import pipeline

    graphs = pipeline.show(settings, count=count, split=split, folder=out, quiet=quiet)
    if as_json:
        print(json.dumps({"domain": domain, "split": split, "graphs": [graph.to_json() for graph in graphs]}))
        return
    for graph in graphs:
        print(graph.to_text())
