"""What is asked of the cloud: from a command line to one order for each domain, checked before anything is sent."""

from __future__ import annotations

import argparse
import math
import re
import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nsm.config import load_config
from nsm.errors import ConfigError

__all__ = [
    "DOMAINS",
    "GPUS",
    "Order",
    "check_arguments",
    "check_idle_minutes",
    "choose_gpus",
    "make_orders",
    "new_name",
    "seconds_of",
]

DOMAINS = ("causal", "planning", "kg")
GPUS = ("A100-40GB", "A100-80GB", "H100")
"""The GPU that is asked for, and what is taken instead, in this order, where none is free."""

KNOWN = frozenset(
    {
        *("T4", "L4", "A10", "A10G", "L40S", "A100", "A100-40GB", "A100-80GB"),
        *("RTX-PRO-6000", "H100", "H100!", "H200", "B200", "B200+"),
    }
)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Order:
    """One training in the cloud, in values that any program can send.

    Attributes:
        domain: What is reasoned about.
        run: Name of the run. Whoever orders a run that is there goes on with it.
        config: The configuration as TOML.
        gpus: What was asked for, in the order of preference.
    """

    domain: str
    run: str
    config: str
    gpus: tuple[str, ...] = GPUS

    def to_json(self) -> dict[str, Any]:
        """The order as plain values."""
        return asdict(self) | {"gpus": list(self.gpus)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Order:
        """The order that :meth:`to_json` gave."""
        return cls(**{**values, "gpus": tuple(values.get("gpus", GPUS))})


def make_orders(
    domains: str = "",
    *,
    config: Path | None = None,
    overrides: str = "",
    run: str = "",
    gpus: Sequence[str] = GPUS,
    **keywords: object,
) -> list[Order]:
    """One order for each domain.

    Args:
        domains: Their names, separated by commas; else the one that the file names, else all that need no own data.
        config: A file of settings.
        overrides: Pairs ``key=value``, separated by spaces; a value with a space in quotes.
        run: Name of the runs; the time by default.
        gpus: What is asked for, in the order of preference.
        **keywords: Settings that beat those; None means not given.

    Raises:
        ConfigError: If a domain, a setting or a name does not fit.

    Example:
        >>> [order.domain for order in make_orders("causal,kg", overrides="epochs=3 kg.dataset=nations")]
        ['causal', 'kg']
    """
    pairs = _pairs(overrides)
    if run and not NAME.fullmatch(run):
        raise ConfigError(f"run: expected letters, digits, '.', '_' and '-', got {run!r}")
    named = [name.strip() for name in domains.split(",") if name.strip()]
    if domains and not named:
        raise ConfigError(f"domains: expected their names, separated by commas, got {domains!r}")
    named = named or _named(config)
    if repeated := sorted({name for name in named if named.count(name) > 1}):
        raise ConfigError(f"domains: expected each once, got {', '.join(repeated)} more often")
    run = run or new_name()
    orders = []
    for domain in named:
        settings = load_config(config, pairs, domain=domain, **keywords)
        settings = settings.model_copy(update={"root": None, "run": None, "cache": None})
        if domain == "own" and settings.own.data is None:
            hint = "--set own.data=/checkpoints/FOLDER, once it is on the volume"
            raise ConfigError("own.data: expected the folder of your data on the volume, got nothing", hint=hint)
        orders.append(Order(domain, run, settings.to_toml(), tuple(gpus)))
    return orders


def check_arguments(arguments: Sequence[str]) -> None:
    """Finds mistakes in a command line before anything is sent; options that it does not know are left to Modal.

    Raises:
        ConfigError: As :func:`make_orders` does.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name in ("--domains", "--config", "--set", "--run", "--epochs", "--seed"):
        parser.add_argument(name)
    try:
        given, _ = parser.parse_known_args(list(arguments))
    except argparse.ArgumentError as failure:
        raise ConfigError(str(failure)) from failure
    pairs = [f"{name}={value}" for name in ("epochs", "seed") if (value := getattr(given, name)) is not None]
    config = Path(given.config) if given.config else None
    overrides = " ".join([given.set or "", *map(shlex.quote, pairs)])
    make_orders(given.domains or "", config=config, overrides=overrides, run=given.run or "")


def check_idle_minutes(arguments: Sequence[str]) -> None:
    """Finds a mistake in the notebook's ``--idle-minutes`` before anything is sent.

    Raises:
        ConfigError: If it is no time.
    """
    for text in _values(arguments, "--idle-minutes"):
        try:
            is_time = 0 < float(text) < math.inf
        except ValueError:
            is_time = False
        if not is_time:
            raise ConfigError(f"idle-minutes: expected a number above 0, got {text!r}")


def _values(arguments: Sequence[str], option: str) -> list[str]:
    """What an option is given, each time that it is; empty where nothing follows."""
    following = [*arguments[1:], ""]
    return [
        argument.partition("=")[2] if argument.startswith(f"{option}=") else following[place]
        for place, argument in enumerate(arguments)
        if argument.partition("=")[0] == option
    ]


def _pairs(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as failure:
        raise ConfigError(f"--set: {failure}, in {text!r}", hint="for instance --set 'epochs=3 lr=1e-3'") from failure


def _named(config: Path | None) -> list[str]:
    """The domain that a file names; all where it names none."""
    if config is None:
        return list(DOMAINS)
    import tomllib

    load_config(config)  # its mistakes are told with their lines
    named = tomllib.loads(config.read_text(encoding="utf-8-sig")).get("domain")
    return [named] if named else list(DOMAINS)


def new_name() -> str:
    """A name for the runs of a launch: the time and four random digits."""
    return f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def choose_gpus(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """The GPUs that are asked for: ``--gpu`` of the command line, else ``$NSM_GPU``, else the usual ones.

    The cloud fixes a function's GPU when its script is read, which is before its options are.

    Raises:
        ConfigError: For a name that Modal does not have.

    Example:
        >>> choose_gpus(["--gpu", "H100,A100-80GB"], {})
        ('H100', 'A100-80GB')
    """
    given = [environment.get("NSM_GPU", ""), *_values(arguments, "--gpu")][-1]
    names = tuple(name.strip().upper() for name in given.split(",") if name.strip())
    for name in names or ((given,) if given else ()):
        kind, colon, count = name.partition(":")
        if kind not in KNOWN:
            raise ConfigError(f"gpu: expected one of {', '.join(sorted(KNOWN))}, got {name!r}")
        if colon and count != "1":
            raise ConfigError(f"gpu: expected one, which is what a training uses, got {name!r}")
    return names or GPUS


def seconds_of(environment: Mapping[str, str], variable: str, most: int) -> int:
    """A limit in seconds from an environment variable; the most there is where it is not set.

    Raises:
        ConfigError: If it is no whole number from 1 to that.
    """
    text = environment.get(variable, str(most))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise ConfigError(f"{variable}: expected seconds, a whole number from 1 to {most}, got {text!r}")
    return int(text)
