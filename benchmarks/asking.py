"""What the programs here accept, and how they say what they do not."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from nsm.errors import NSMError

__all__ = ["guarded", "not_negative", "place_of_file", "positive", "refuse"]


def refuse(message: str) -> NoReturn:
    """Says what is wrong with what was asked for, and ends with status 2.

    Raises:
        SystemExit: Always.
    """
    print(message, file=sys.stderr)
    raise SystemExit(2)


def guarded(main: Callable[[], int | None]) -> int:
    """Runs a program and returns its status; a mistake of the user's is told in one message.

    Raises:
        SystemExit: With status 2, after such a mistake.
    """
    try:
        return main() or 0
    except NSMError as error:
        refuse(str(error))


def positive(text: str) -> int:
    """A number of things of which there has to be one."""
    return _number(text, 1)


def not_negative(text: str) -> int:
    """A seed."""
    return _number(text, 0)


def _number(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least} up, got {text!r}")
    return int(text)


def place_of_file(text: str) -> Path:
    """A file that can be written when all is measured: its folder is there."""
    file = Path(text)
    if not file.parent.is_dir() or file.is_dir():
        raise argparse.ArgumentTypeError(f"expected a file in a folder that is there, got {text!r}")
    return file
