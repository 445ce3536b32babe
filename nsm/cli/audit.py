"""``nsm audit``."""

from __future__ import annotations

import json

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

__all__ = ["EXAMPLES", "audit"]

EXAMPLES = """\b
Examples:
  nsm audit planning
  nsm audit planning --seed 3 --set planning.graphs=4000
  nsm audit planning --pddl my/problems --json

The exit status is 0 whatever the verdict: a script reads "verdict" from --json.
"""


def audit(
    domain: Domain,
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
    """Check whether a data set is worth learning from.

    Measures what trivial features and local patterns predict, looks for duplicates across splits, and has
    every label confirmed by a second implementation. The verdict is pass, fail, or inconclusive under 500
    graphs.
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

    result = pipeline.audit(settings, quiet=quiet)
    if as_json:
        print(json.dumps(result.to_json()))
        return
    from rich.console import Console

    from nsm.data.audit import render

    Console().print(render(result))
