"""``nsm``: from arguments to a command, and from an error to two lines or one JSON object."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from nsm.cli import audit, checkpoints, compare, data, doctor, evaluate, export, fetch, lr, notebook, train
from nsm.errors import NSMError

__all__ = ["app", "main"]

INTERRUPTED = 128 + signal.SIGINT

app = typer.Typer(
    name="nsm",
    help="Train graph networks that reason over triples, on tasks that are audited to be honest.",
    epilog="Begin with: nsm train planning",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("train", epilog=train.EXAMPLES)(train.train)
app.command("evaluate", epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command("audit", epilog=audit.EXAMPLES)(audit.audit)
app.command("compare", epilog=compare.EXAMPLES)(compare.compare)
app.command("export", epilog=export.EXAMPLES)(export.export)
app.command("fetch", epilog=fetch.EXAMPLES)(fetch.fetch)
app.command("notebook", epilog=notebook.EXAMPLES)(notebook.notebook)
app.command("doctor", epilog=doctor.EXAMPLES)(doctor.doctor)
app.add_typer(checkpoints.app, name="checkpoints")
app.add_typer(data.app, name="data")
app.add_typer(lr.app, name="lr")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs a command and exits: 0 if all went well, 2 for a mistake in what was asked for, 130 if interrupted."""
    # torch reads it with its first tensor: large ones come in pages of 2 MiB, where the system has them
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    given = sys.argv[1:] if arguments is None else list(arguments)
    sys.exit(_run(given))


def _run(arguments: list[str]) -> int:
    as_json, is_debug = "--json" in arguments, "--debug" in arguments
    try:
        if "--help" in arguments:
            print(_help(arguments))
            return 0
        status = app(args=arguments, prog_name="nsm", standalone_mode=False)
    except TyperException as failure:
        if as_json:
            return _report(NSMError(failure.format_message(), hint="see nsm --help"), as_json=True)
        show = getattr(failure, "show", None)
        if show is not None:
            show()  # with the usage of the command
        return 2
    except NSMError as failure:
        if is_debug:
            raise
        return _report(failure, as_json=as_json)
    except BrokenPipeError:
        # whoever read standard output has gone, and the interpreter would still flush it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as failure:
        if is_debug:
            raise
        message = failure.strerror or str(failure)
        return _report(NSMError(message, file=failure.filename), as_json=as_json)
    if status == INTERRUPTED:  # what typer makes of Ctrl-C
        is_fetch = arguments[:1] == ["fetch"]
        hint = "the same command goes on" if is_fetch else "nsm train --resume goes on with a run"
        told = NSMError("interrupted; nothing is half written", hint=hint)
        _report(told, as_json=as_json)
    return status if isinstance(status, int) else 0


def _help(arguments: list[str]) -> str:
    """The help of the command that ``arguments`` begin with.

    Typer itself would import pydantic to read the flag ``--help``, and take twice as long.
    """
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="nsm")
    for name in arguments:
        if name.startswith("-") or not isinstance(command, TyperGroup):
            break
        _, inner, _ = command.resolve_command(context, [name])  # raises where there is none, naming the nearest
        assert inner is not None
        command = inner
        context = typer.Context(command, info_name=name, parent=context)
    return context.get_help()


def _report(failure: NSMError, *, as_json: bool) -> int:
    if as_json:
        keys = ("file", "line", "hint")
        print(json.dumps({"error": failure.message, **{key: getattr(failure, key) for key in keys}}))
        return 2
    place = "" if failure.file is None else f"{failure.file}: "
    if failure.line is not None:
        place = f"{failure.file}:{failure.line}: "
    print(f"Error: {place}{failure.message}", file=sys.stderr)
    if failure.hint is not None:
        print(f"Hint: {failure.hint}", file=sys.stderr)
    return 2
