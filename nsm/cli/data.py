"""``nsm data``: importing one's own data, and looking at data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from nsm.cli.options import (
    AsJson,
    Bif,
    ConfigFile,
    Data,
    Debug,
    Domain,
    Graph,
    Inductive,
    Network,
    Overrides,
    Pddl,
    Plans,
    Quiet,
    Root,
    Seed,
    configure,
    limit_threads,
)

__all__ = ["app", "card", "import_", "show"]

app = typer.Typer(help="Import your own data, and look at data.", no_args_is_help=True, rich_markup_mode=None)

EXAMPLES = """\b
Examples:
  nsm data show planning -n 3
  nsm data show planning --split test --out pictures
  nsm data show planning --pddl my/problems -n 1
  nsm data show causal --bif my/network.bif
  nsm data show --data my_data
"""
IMPORT_EXAMPLES = """\b
Examples:
  nsm data import triples.tsv --labels labels.tsv --out my_data
  nsm data import triples.parquet --nodes nodes.csv --name hospital
  nsm data import triples.jsonl --json

Then: nsm train --data my_data
"""
CARD_EXAMPLES = """\b
Examples:
  nsm data card planning
  nsm data card planning --pddl my/problems --out card.html
  nsm data card causal --network asia
  nsm data card --data my_data --json
"""


@app.callback()
def data() -> None:
    """Import your own data, and look at the data that models learn from."""


@app.command("import", epilog=IMPORT_EXAMPLES)
def import_(
    triples: Annotated[
        Path, typer.Argument(metavar="TRIPLES", help="A row per triple: .tsv, .csv, .jsonl or .parquet.")
    ],
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A row per graph with its label. Default: the column 'label' of TRIPLES."),
    ] = None,
    nodes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A row per node with its type and numeric features.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the data set.")] = "own",
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the data set goes. Default: ROOT/data/NAME.")
    ] = None,
    inductive: Annotated[
        bool, typer.Option("--inductive", help="The audit fails where a node's name is in two splits.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the splits.")] = 0,
    root: Root = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Import graphs of triples from tables, to train on with --data.

    The columns are graph, head, relation, tail, and optionally confidence and level; label, group, split and
    family stand there too or in the table of labels. The whole is checked before anything is written.
    """
    del debug
    limit_threads(1)
    from nsm import pipeline

    result = pipeline.import_tables(
        triples,
        labels=labels,
        nodes=nodes,
        name=name,
        folder=out,
        inductive=inductive,
        seed=seed,
        root=root,
        quiet=quiet,
    )
    print(json.dumps(result.to_json()) if as_json else result.to_text())


@app.command("card", epilog=CARD_EXAMPLES)
def card(
    domain: Domain = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the card goes. Default: ROOT/DOMAIN/cards/DATASET.html."),
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    seed: Seed = None,
    root: Root = None,
    data: Data = None,
    pddl: Pddl = None,
    plans: Plans = None,
    network: Network = None,
    bif: Bif = None,
    graph: Graph = None,
    inductive: Inductive = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Describe a data set on one page: sizes, balance, audit, source, licence, pictures, three examples.

    The page needs nothing else: its pictures are inside. The data are audited where they have not been.
    """
    del debug
    settings = configure(
        config,
        overrides,
        domain=domain,
        seed=seed,
        root=root,
        data=data,
        pddl=pddl,
        plans=plans,
        network=network,
        bif=bif,
        graph=graph,
        inductive=inductive,
    )
    from nsm import pipeline

    result = pipeline.write_data_card(settings, file=out, quiet=quiet)
    print(json.dumps(result.to_json()) if as_json else result.to_text())


@app.command("show", epilog=EXAMPLES)
def show(
    domain: Domain = None,
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
    data: Data = None,
    pddl: Pddl = None,
    plans: Plans = None,
    graph: Graph = None,
    inductive: Inductive = None,
    network: Network = None,
    bif: Bif = None,
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
        data=data,
        pddl=pddl,
        plans=plans,
        graph=graph,
        inductive=inductive,
        network=network,
        bif=bif,
    )
    from nsm import pipeline

    graphs = pipeline.show(settings, count=count, split=split, folder=out, quiet=quiet)
    if as_json:
        print(json.dumps({"domain": settings.domain, "split": split, "graphs": [graph.to_json() for graph in graphs]}))
        return
    for shown in graphs:
        print(shown.to_text())
