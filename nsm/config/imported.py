"""Names of a user's own code, ``package.module:Name``: checked when they are read, imported when they are used."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from types import FrameType, ModuleType
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from nsm.errors import ConfigError

__all__ = ["FORM", "ImportPath", "call_imported", "code_error", "import_named", "is_import_path", "refuse_code_in"]

FORM = "package.module:Name"
PATTERN = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def is_import_path(text: str) -> bool:
    """Whether a text has the form of an import path.

    Example:
        >>> is_import_path("my_models:Star"), is_import_path("flat")
        (True, False)
    """
    return PATTERN.fullmatch(text) is not None


def _validated(text: str) -> str:
    if not is_import_path(text):
        raise PydanticCustomError("import_path", "{form}", {"form": FORM})
    return text


ImportPath = Annotated[str, AfterValidator(_validated)]


def import_named(path: str, key: str) -> tuple[ModuleType, Callable[..., Any]]:
    """Imports what a setting names: from where Python finds its modules, else from the present folder.

    The present folder comes last and stays, so that a module of it hides none that is installed, and processes that
    make data find it too.

    Args:
        path: The import path.
        key: The setting, for the errors.

    Returns:
        The module, and what has the name in it.

    Raises:
        ConfigError: If there is no such module or name, it cannot be called, or the import itself fails.
    """
    where, _, name = path.partition(":")
    if not {"", os.getcwd()} & set(sys.path):
        sys.path.append(os.getcwd())
    try:
        module = import_module(where)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and (where == missing or where.startswith(f"{missing}.")):
            hint = "install it, or go to the folder that holds it"
            raise ConfigError(f"{key}: there is no module {missing!r}", hint=hint) from None
        raise code_error(f"{key}: importing {where!r} failed", path, error) from error
    found, file = getattr(module, name, None), getattr(module, "__file__", None)
    if found is None:
        raise ConfigError(f"{key}: the module {where!r} has no {name!r}", file=file)
    if not callable(found):
        told = f"{key}: expected a class or a function, but {path} is of type {type(found).__name__}"
        raise ConfigError(told, file=file)
    return module, found


def call_imported(path: str, key: str, *arguments: object) -> tuple[ModuleType, Any]:
    """Imports what a setting names and calls it.

    Returns:
        The module, and what the call gave.

    Raises:
        ConfigError: If it cannot be imported, or the call fails; with the line of the user's code where it did.
    """
    module, make = import_named(path, key)
    try:
        return module, make(*arguments)
    except ConfigError:
        raise
    except Exception as error:
        raise code_error(f"{key}: {path} failed", path, error) from error


def refuse_code_in(folder: Path, path: str, key: str) -> None:
    """Makes sure that an import path leads to nothing inside a folder; nothing is imported for that.

    Raises:
        ConfigError: If its module would come from there.
    """
    top = path.partition(":")[0].partition(".")[0]
    if top in sys.modules or top in sys.builtin_module_names:
        known = [getattr(sys.modules.get(top), "__file__", None)]
    else:
        spec = PathFinder.find_spec(top, [*sys.path, os.getcwd()])
        known = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or ())]
    if any(place is not None and Path(place).resolve().is_relative_to(folder.resolve()) for place in known):
        told = f"{key}: the code of {path} lies inside a run, and a run brings no code along"
        raise ConfigError(told, file=folder, hint="look at that code, and move it to where you keep your own")


def code_error(what: str, path: str, error: Exception) -> ConfigError:
    """What to tell of an error in a user's code: with the last line of that code which ran, be it not where it came up.

    Args:
        what: What failed.
        path: The import path that led there.
        error: What was raised.
    """
    if isinstance(error, SyntaxError):
        return ConfigError(f"{what}: {error.msg}", file=error.filename, line=error.lineno)
    where, line = path.partition(":")[0], None
    file = getattr(sys.modules.get(where), "__file__", None)
    for frame, number in traceback.walk_tb(error.__traceback__):
        if _is_users(frame, where.partition(".")[0]):
            file, line = frame.f_code.co_filename, number
    hint = "--debug shows where in the code the error came from"
    return ConfigError(f"{what}: {type(error).__name__}: {error}", file=file, line=line, hint=hint)


def _is_users(frame: FrameType, package: str) -> bool:
    """Whether code is of the user's package, or of none that is NSM's, Python's or installed."""
    file, top = frame.f_code.co_filename, str(frame.f_globals.get("__name__")).partition(".")[0]
    is_installed = not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
    is_other = is_installed or top == "nsm" or top in sys.stdlib_module_names
    return not file.startswith("<") and (top == package or not is_other)
