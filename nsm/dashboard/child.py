"""Processes that a notebook starts: the same interpreter and the same NSM, deaf to an interrupt of the kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import nsm

__all__ = ["launch"]

COLOURING = ("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE")
"""What a kernel sets so that its cells are coloured; in a file it would leave the marks of a terminal."""


def launch(arguments: Sequence[str], *, into: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Starts ``python -m ARGUMENTS`` in a session of its own.

    Args:
        arguments: The module and what it is given.
        into: A file for all that it says; without one it is spoken to through pipes.
    """
    home = str(Path(nsm.__file__).resolve().parents[1])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {name: value for name, value in os.environ.items() if name not in COLOURING}
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdin=subprocess.PIPE if into is None else subprocess.DEVNULL,
        stdout=subprocess.PIPE if into is None else into,
        stderr=subprocess.DEVNULL if into is None else subprocess.STDOUT,
        start_new_session=True,
        env=environment | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(paths)},
    )
