"""What the launch scripts share: one clear line, and an exit status, for whatever keeps them from launching."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import NoReturn

from nsm.errors import NSMError

__all__ = [
    "MISTAKE",
    "command_again",
    "is_detached",
    "mistakes",
    "refuse",
    "require_modal",
    "require_token",
    "run_by_python",
]

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
    try:
        import_module("modal")
    except ModuleNotFoundError as failure:
        if failure.name not in ("modal", None):
            refuse(f"modal cannot be imported, it lacks {failure.name}: pip install 'nsm[cloud]'")
        refuse("modal is not installed: pip install 'nsm[cloud]', then modal setup")
    except ImportError as failure:
        refuse(f"modal cannot be imported: {failure}")


def run_by_python(script: str) -> NoReturn:
    """What a script does that was started by Python itself: says how it is started."""
    refuse(f"start it with: modal run {script}")


def require_token(has_token: bool, arguments: Sequence[str]) -> None:
    """Makes sure that there is a token before anything is sent; help needs none."""
    if not has_token and "--help" not in arguments and not os.environ.get("MODAL_TASK_ID"):
        refuse("no Modal token is set: run modal setup, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET")


def command_again(arguments: Sequence[str], **options: str) -> str:
    """The command line that was typed, with some options, ready to be typed again.

    Example:
        >>> command_again(["/bin/modal", "run", "train.py", "--set", "a=1 b=2", "--run=x"], run="night")
        "modal run train.py --set 'a=1 b=2' --run night"
    """
    kept, left = [], iter(arguments[1:])
    for argument in left:
        name, _, value = argument.removeprefix("--").partition("=")
        if not (argument.startswith("--") and name in options):
            kept.append(argument)
        elif not value:
            next(left, None)
    given = [word for name, value in options.items() for word in (f"--{name}", value)]
    return shlex.join(["modal", *kept, *given])


def is_detached(arguments: Sequence[str]) -> bool:
    """Whether a command line lets calls go on without their client."""
    return not {"--detach", "-d"}.isdisjoint(arguments)
