"""Options that several commands share, and the configuration that they add up to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nsm.errors import ConfigError

if TYPE_CHECKING:
    from nsm.config import Config

__all__ = [
    "AsJson",
    "Bif",
    "ConfigFile",
    "Data",
    "Debug",
    "Domain",
    "Graph",
    "Inductive",
    "Model",
    "Network",
    "Overrides",
    "Pddl",
    "Plans",
    "Quiet",
    "Root",
    "Seed",
    "configure",
    "limit_threads",
]

Domain = Annotated[
    str | None,
    typer.Argument(
        metavar="DOMAIN",
        help="What is reasoned about: planning, causal, kg, or own (own.source); not needed with --data.",
        show_default=False,
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings in TOML; a run's config.toml repeats that run."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="One setting, such as lr=1e-3, planning.graphs=2000 or a list, blocks=3,1; repeatable.",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="hierarchy, flat, gine, gps, sagpool, boosting, majority, or a network of your own: package.module:Name.",
        show_default=False,
    ),
]
Seed = Annotated[int | None, typer.Option(help="Seed of data, weights and order.", show_default=False)]
Root = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Where runs are kept. Default: $NSM_ROOT, /checkpoints if there, ./checkpoints.",
    ),
]
Pddl = Annotated[
    Path | None,
    typer.Option("--pddl", metavar="FOLDER", help="Own problems: domain.pddl beside problem files *.pddl."),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="FOLDER", help="Own data: a folder that nsm data import made."),
]
Plans = Annotated[
    Path | None,
    typer.Option("--plans", metavar="FOLDER", help="Plan files for the problems of --pddl, instead of random plans."),
]
Graph = Annotated[
    Path | None,
    typer.Option("--graph", metavar="FOLDER", help="Own knowledge graph: train, valid and test, .txt or .tsv."),
]
Inductive = Annotated[
    Path | None,
    typer.Option("--inductive", metavar="FOLDER", help="Another graph to test on, of entities not in --graph."),
]
Network = Annotated[
    str | None,
    typer.Option("--network", metavar="NAME", help="A Bayesian network that pgmpy ships: asia, sachs, child, ..."),
]
Bif = Annotated[Path | None, typer.Option("--bif", metavar="FILE", help="Own Bayesian network, in the format BIF.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show where in the code an error came from.")]


def configure(
    config: Path | None,
    overrides: list[str] | None,
    *,
    domain: str | None = None,
    data: Path | None = None,
    pddl: Path | None = None,
    plans: Path | None = None,
    graph: Path | None = None,
    inductive: Path | None = None,
    network: str | None = None,
    bif: Path | None = None,
    allow_leaks: bool = False,
    **keywords: object,
) -> Config:
    """The configuration that a command line describes; its threads are set before torch is imported.

    Raises:
        ConfigError: If a setting does not fit, or an option belongs to another domain.
    """
    from nsm.config import load_config

    tables: dict[str, dict[str, object]] = {
        "planning": {"pddl": pddl, "plans": plans, "plan_source": None if plans is None else "files"},
        "causal": {"network": network, "bif": bif},
        "kg": {"graph": graph, "inductive": inductive},
        "own": {"data": None if data is None else data.absolute()},  # a run finds it from everywhere
    }
    domain = _domain(domain, data, config)
    settings = load_config(config, overrides or [], domain=domain, **tables, **keywords)
    for owner, table in tables.items():
        given = [key for key, value in table.items() if value is not None]
        if given and owner != settings.domain:
            raise ConfigError(f"--{given[0]} is an option of {owner}, got the domain {settings.domain!r}")
    if allow_leaks:
        chosen = settings.domain_table.model_copy(update={"allow_leaks": True})
        settings = settings.model_copy(update={settings.domain: chosen})
    limit_threads(settings.threads)
    return settings


def _domain(domain: str | None, data: Path | None, config: Path | None) -> str | None:
    """What is reasoned about: as named, else the user's own data, else what the file says.

    Raises:
        ConfigError: If nothing says it, or two things say different.
    """
    if data is not None and domain not in (None, "own"):
        raise ConfigError(f"--data is the user's own data: expected no domain, got {domain!r}")
    if domain is None and data is None and config is None:
        raise ConfigError("expected a domain, got none", hint="for instance planning, or --data FOLDER")
    return domain if data is None else "own"


def limit_threads(count: int) -> None:
    """Tells libraries imported later how many threads they may use, unless the user told them already."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(count))
