"""``nsm audit``."""

from __future__ import annotations

import json
from typing import Annotated

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
)

__all__ = ["EXAMPLES", "audit"]

EXAMPLES = """\b
Examples:
  nsm audit planning
  nsm audit planning --seed 3 --set planning.graphs=4000
  nsm audit planning --pddl my/problems --json
  nsm audit causal --network alarm
  nsm audit planning --strict && nsm train planning
"""


def audit(
    domain: Domain = None,
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
    strict: Annotated[bool, typer.Option("--strict", help="End with status 1 if the verdict is fail.")] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Check whether a data set is worth learning from.

    Measures what trivial features and local patterns predict, looks for duplicates across splits, and has
    every label confirmed by a second implementation. The verdict is pass, fail, or inconclusive under 500
    graphs; the exit status is 0 whatever it is, unless --strict is given.
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

    result = pipeline.audit(settings, quiet=quiet)
    if as_json:
        print(json.dumps(result.to_json()))
    else:
        from rich.console import Console

        from nsm.data.audit import render

        Console().print(render(result))
    if strict and result.verdict == "fail":
        raise typer.Exit(1)
