"""The packages of the extra ``notebook``, imported where they are used."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from nsm.errors import NSMError

__all__ = ["is_notebook", "notebook_module"]


def notebook_module(name: str) -> Any:
    """A module of the extra ``notebook``.

    Raises:
        NSMError: If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as failure:
        hint = "pip install 'nsm[notebook]'"
        raise NSMError(f"this needs {name.partition('.')[0]}, which is not installed", hint=hint) from failure


def is_notebook() -> bool:
    """Whether this is the process behind a notebook, whose cells show pictures."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")
