"""What the launch scripts share: one clear line, and an exit status, for whatever keeps them from launching."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from nsm.errors import NSMError

__all__ = ["MISTAKE", "mistakes", "refuse", "require_modal", "require_token", "run_by_python"]

MISTAKE = 2


def refuse(text: str) -> NoReturn:
    """Says one line on standard error and ends with status 2."""
    print(f"Error: {text}", file=sys.stderr)  # noqa: T201
    raise SystemExit(MISTAKE)


@contextmanager
def mistakes() -> Iterator[None]:
    """Makes one line of a mistake in what was asked for."""
    try:
        yield
    except NSMError as failure:
        refuse(" ".join(str(failure).split()))


def require_modal() -> None:
    """Makes sure that Modal's client is installed, before a script imports it."""
    if importlib.util.find_spec("modal") is None:
        refuse("modal is not installed: pip install 'nsm[cloud]', then modal setup")


def run_by_python(script: str) -> NoReturn:
    """What a script does that was started by Python itself: says how it is started."""
    refuse(f"start it with: modal run {script}")


def require_token(has_token: bool, arguments: Sequence[str]) -> None:
    """Makes sure that there is a token before anything is sent; help needs none."""
    if not has_token and "--help" not in arguments and not os.environ.get("MODAL_TASK_ID"):
        refuse("no Modal token is set: run modal setup, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET")
