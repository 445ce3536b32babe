"""``nsm train``."""

from __future__ import annotations

import json
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
)

__all__ = ["EXAMPLES", "train"]

EXAMPLES = """\b
Examples:
  nsm train planning
  nsm train planning --epochs 5 --set planning.graphs=2000
  nsm train planning --model flat --seed 1 --run flat_1
  nsm train planning --pddl my/problems --set lr=1e-3 --json
  nsm train kg --set kg.dataset=kinships
  nsm train kg --graph my/graph --inductive my/other_graph
  nsm train causal
  nsm train causal --network asia
  nsm train planning --config checkpoints/planning/runs/flat_1/config.toml --run again
"""


def train(
    domain: Domain = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training data.", show_default=False)] = None,
    seed: Seed = None,
    model: Annotated[
        Literal["hierarchy", "flat"] | None, typer.Option(help="What is trained.", show_default=False)
    ] = None,
    run: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the run. Default: the time.")] = None,
    root: Root = None,
    data: Data = None,
    pddl: Pddl = None,
    plans: Plans = None,
    graph: Graph = None,
    inductive: Inductive = None,
    network: Network = None,
    bif: Bif = None,
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="Train without an audit, or on data that fails it.")
    ] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Train a model and keep everything about it in a run folder.

    Builds the data once, audits it, trains with progress on standard error, and keeps checkpoints, history
    and TensorBoard files in ROOT/DOMAIN/runs/RUN. Ctrl-C finishes the step, saves last.pt and stops; press
    it twice to stop at once.
    """
    del debug
    settings = configure(
        config,
        overrides,
        domain=domain,
        epochs=epochs,
        seed=seed,
        model=model,
        run=run,
        root=root,
        data=data,
        pddl=pddl,
        plans=plans,
        graph=graph,
        inductive=inductive,
        network=network,
        bif=bif,
        allow_leaks=allow_leaks,
    )
    from nsm import pipeline

    result = pipeline.train(settings, quiet=quiet)
    if as_json:
        print(json.dumps(result.to_json()))
        return
    state = "interrupted" if result.interrupted else "finished"
    print(f"{state} after {result.epochs} epochs in {result.seconds:.0f} s")
    if result.best_val_acc is not None:
        print(f"best validation accuracy {result.best_val_acc:.4f}, in epoch {result.best_epoch}")
    print(f"run       {result.run.folder}")
    if result.run.best.exists():
        print(f"evaluate  nsm evaluate {result.run.folder}")
