"""``nsm lr``: the learning rate."""

from __future__ import annotations

import json
from pathlib import Path
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
    Model,
    Network,
    Overrides,
    Pddl,
    Plans,
    Quiet,
    Root,
    Seed,
    configure,
)

__all__ = ["app", "find"]

app = typer.Typer(help="Find a learning rate.", no_args_is_help=True, rich_markup_mode=None)

EXAMPLES = """\b
Examples:
  nsm lr find kg
  nsm lr find causal --network asia --set batch_size=128
  nsm lr find --data my_data --out rates.png
  nsm lr find planning --config my.toml --json

Then: nsm train kg --set lr=RATE
"""


@app.callback()
def lr() -> None:
    """Find a learning rate for a configuration."""


@app.command("find", epilog=EXAMPLES)
def find(
    domain: Domain = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    model: Model = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the picture goes. Default: ROOT/DOMAIN/learning_rate.png."),
    ] = None,
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
    """Train a fresh model for 100 steps while the rate rises from 1e-6 to 1, and suggest a learning rate.

    The suggestion lies between the rate at which the smoothed loss begins to fall and the one at which it falls most
    steeply; there is none where the loss hardly falls in so few steps. No run is made or changed.
    """
    del debug
    settings = configure(
        config,
        overrides,
        domain=domain,
        seed=seed,
        model=model,
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

    result = pipeline.find_learning_rate(settings, file=out, quiet=quiet)
    print(json.dumps(result.to_json()) if as_json else result.to_text())
