"""``nsm train``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    limit_threads,
)
from nsm.errors import ConfigError

if TYPE_CHECKING:
    from nsm.training import TrainResult

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
  nsm train --resume flat_1
  nsm train --resume flat_1 --epochs 20 --set workers=0
"""


def train(
    domain: Domain = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training data.", show_default=False)] = None,
    seed: Seed = None,
    model: Model = None,
    run: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the run. Default: the time.")] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Go on with a run, given by its folder, its name or the beginning of it."),
    ] = None,
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
    and TensorBoard files in ROOT/DOMAIN/runs/RUN. Ctrl-C, SIGTERM or a file called stop in that folder finish
    the step, save last.pt and stop; press Ctrl-C twice to stop at once. A run that was stopped, killed or
    switched off goes on with --resume, exactly as if it had never stopped.
    """
    del debug
    given: dict[str, Any] = {
        "domain": domain,
        "seed": seed,
        "model": model,
        "run": run,
        "data": data,
        "pddl": pddl,
        "plans": plans,
        "graph": graph,
        "inductive": inductive,
        "network": network,
        "bif": bif,
    }
    if resume is None:
        settings = configure(config, overrides, epochs=epochs, root=root, allow_leaks=allow_leaks, **given)
        from nsm import pipeline

        result = pipeline.train(settings, quiet=quiet)
    else:
        result = _resume(
            resume, given | {"config": config, "allow-leaks": allow_leaks or None}, overrides, epochs, root, quiet=quiet
        )
    if os.environ.get("RANK", "0") == "0":  # of the processes that torchrun starts, one speaks
        _show(result, as_json=as_json)


def _resume(
    name: str,
    given: dict[str, Any],
    overrides: list[str] | None,
    epochs: int | None,
    root: Path | None,
    *,
    quiet: bool,
) -> TrainResult:
    """Goes on with a run, which brings its configuration.

    Raises:
        ConfigError: If an option says what the run itself says.
    """
    if other := [option for option, value in given.items() if value is not None]:
        shown = other[0].upper() if other[0] == "domain" else f"--{other[0]}"
        hint = f"leave out {shown}; --epochs, --set, --root, --quiet and --json are allowed"
        raise ConfigError(f"--resume goes on with what the run began with, but {shown} was given too", hint=hint)
    from nsm.config import load_config
    from nsm.runs import find_run, resolve_root

    found = find_run(name, resolve_root(root))
    limit_threads(load_config(found.config, overrides or []).threads)
    from nsm import pipeline

    return pipeline.resume(found, epochs=epochs, overrides=overrides or [], root=root, quiet=quiet)


def _show(result: TrainResult, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result.to_json()))
        return
    state = "interrupted" if result.interrupted else "finished"
    print(f"{state} after {result.epochs} epochs in {result.seconds:.0f} s")
    if result.best_val_acc is not None:
        print(f"best validation accuracy {result.best_val_acc:.4f}, in epoch {result.best_epoch}")
    print(f"run       {result.run.folder}")
    if result.interrupted:
        print(f"go on     nsm train --resume {result.run.folder}")
    if result.run.best.exists():
        print(f"evaluate  nsm evaluate {result.run.folder}")
