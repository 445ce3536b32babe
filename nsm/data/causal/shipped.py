"""The named Bayesian networks inside pgmpy's package, found without importing it."""

from __future__ import annotations

import importlib.util
from difflib import get_close_matches
from pathlib import Path

from nsm.errors import DataError

__all__ = ["network_file", "network_names"]

INSTALL = "pip install 'pgmpy<1.3' (the extra 'networks'), or give your own file with --bif"


def network_names() -> list[str]:
    """The networks that pgmpy ships, in alphabetical order.

    Raises:
        DataError: If pgmpy is not installed.
    """
    return sorted(file.name.removesuffix(".bif.gz") for file in _folder().glob("*.bif.gz"))


def network_file(name: str) -> Path:
    """The file of a network that pgmpy ships.

    Raises:
        DataError: If pgmpy is not installed, or ships no network of that name.
    """
    names = network_names()
    if name in names:
        return _folder() / f"{name}.bif.gz"
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else "give your own file with --bif"
    raise DataError(f"unknown network {name!r}; expected one of {', '.join(names)}", hint=hint)


def _folder() -> Path:
    spec = importlib.util.find_spec("pgmpy")
    places = [] if spec is None else list(spec.submodule_search_locations or [])
    if not places:
        raise DataError("the named networks come with pgmpy, which is not installed", hint=INSTALL)
    folder = Path(places[0]) / "utils" / "example_models"
    if not folder.is_dir():
        raise DataError("this release of pgmpy ships no networks", file=folder, hint=INSTALL)
    return folder
