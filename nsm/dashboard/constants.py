"""From the constants of a notebook to a configuration."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nsm.analysis.tables import Table
from nsm.config import Config, load_config
from nsm.config.settings import ALIASES, DomainConfig
from nsm.errors import ConfigError

__all__ = ["overview", "settings"]

CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")
PLAIN = (str, int, float, list, tuple, dict, Path, type(None))
"""What a constant that looks like a misspelt key can be; anything else is something of the user's."""
SHOWN = ("domain", "epochs", "batch_size", "eval_every", "save_every", "learning_rate", "cycle_weight", "num_levels",
         "channels", "seed", "root")  # fmt: skip
"""Keys that are always shown; the others where they are not at their default."""
ALIKE = 0.8  # from which on a constant's name is taken for a misspelt key


def settings(namespace: Mapping[str, Any], **changes: object) -> Config:
    """The configuration that the constants of a notebook describe: ``dashboard.settings(globals())``.

    A constant is a name in capitals; each key of the configuration can be one, a table as a dictionary
    (``PLANNING = {"graphs": 500}``). None means the default, which may depend on the domain. Constants that have
    nothing to do with any key are left alone.

    Args:
        namespace: What holds the constants.
        **changes: Keys that beat them, in small letters.

    Raises:
        ConfigError: If a value does not fit, or a constant looks like a key that is misspelt.

    Example:
        >>> settings({"DOMAIN": "causal", "EPOCHS": 5, "LR": None, "FIGURES": 3}, batch_size=32).epochs
        5
    """
    keys = {*Config.model_fields, *ALIASES}
    given: dict[str, object] = {}
    for name, value in namespace.items():
        if not CONSTANT.fullmatch(name):
            continue
        if name.lower() in keys:
            given[name.lower()] = _plain(value)
        elif not isinstance(value, PLAIN):
            continue
        elif meant := " or ".join(map(str.upper, _meant(name.lower(), keys))):
            hint = f"write {meant}, or del {name} if it is something else"
            raise ConfigError(f"{name} is no setting: did you mean {meant}?", hint=hint)
    for alias, key in ALIASES.items():
        if alias in changes or key in changes:
            given.pop(alias, None)
            given.pop(key, None)
    return load_config(None, [], **given | changes)


def _plain(value: Any) -> Any:
    """Numbers of NumPy or PyTorch as Python's own; anything else as it is, for the configuration to judge."""
    return value.tolist() if hasattr(value, "tolist") else value


def _meant(name: str, keys: Iterable[str]) -> list[str]:
    """The keys that a constant may stand for: the one it is like, or those that it begins, or is the number of."""
    near = difflib.get_close_matches(name, sorted(keys), n=1, cutoff=ALIKE)
    return near or sorted(key for key in keys if key.startswith(f"{name}_") or key == f"num_{name}")


def overview(config: Config) -> Table:
    """The settings that matter most, and every other one that is not at its default.

    Defaults are those of the domain; those of the training can depend on which data of it are asked for.
    """
    table = config.domain_table
    usual, usual_table = Config.model_validate({"domain": config.domain, config.domain: table}), type(table)()
    rows = [
        (key, _told(getattr(config, key)), _told(getattr(usual, key)))
        for key in Config.model_fields
        if key in SHOWN or (getattr(config, key) != getattr(usual, key) and key != config.domain)
        if not isinstance(getattr(config, key), DomainConfig)
    ]
    rows += [
        (f"{config.domain}.{key}", _told(value), _told(getattr(usual_table, key)))
        for key, value in table
        if value != getattr(usual_table, key)
    ]
    return Table(("setting", "value", "default"), rows, "Settings")


def _told(value: object) -> str | None:
    return None if value is None else f"{value:g}" if isinstance(value, float) else str(value)
