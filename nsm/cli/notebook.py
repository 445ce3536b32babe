"""``nsm notebook``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nsm.cli.options import AsJson, Debug, Root

if TYPE_CHECKING:
    from nsm.dashboard.delivery import Copy
    from nsm.dashboard.server import Served

__all__ = ["EXAMPLES", "notebook"]

EXAMPLES = """\b
Examples:
  nsm notebook
  nsm notebook experiments_of_may --root checkpoints
  nsm notebook --no-browser --port 9000
  nsm notebook --fresh
  nsm notebook --no-browser --json

On another machine, through ssh: ssh -L 8888:127.0.0.1:8888 HOST, and there nsm notebook --no-browser
"""
LOOPBACK, PORT = "127.0.0.1", 8888


def notebook(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where you work.", show_default="this folder")
    ] = Path(),
    port: Annotated[int, typer.Option(min=1, max=65535, help="The next free one if it is taken.")] = PORT,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Open a new copy, beside the one that is there.")] = False,
    root: Root = None,
    ip: Annotated[str, typer.Option(help="Where to listen. Others than 127.0.0.1 let other machines in.")] = LOOPBACK,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Open JupyterLab on the training dashboard, for you alone.

    The first time, a copy of the notebook is put into FOLDER; later the copy that is there is opened, with all that you
    have changed. The server listens on this machine only and lets in who has its token, which is new at each start.
    Ctrl-C ends it with its kernels: a training in a kernel saves its state first, one in the background goes on.
    """
    del debug
    from nsm.dashboard.delivery import copy_notebook
    from nsm.dashboard.server import require_jupyter, serve

    require_jupyter()
    copy = copy_notebook(folder, is_fresh=fresh)
    _tell_of(copy)
    if ip != LOOPBACK:
        _warn(ip, port)

    def tell(served: Served) -> None:
        if served.port != port:
            print(f"port {port} is taken, so it is {served.port}", file=sys.stderr)
        if as_json:
            print(json.dumps(served.to_json() | {"is_new": copy.is_new, "is_edited": copy.is_edited}), flush=True)
            return
        print(f"notebook  {served.notebook}\nruns      {served.root}\nopen      {served.url}")
        print("Ctrl-C ends the server and its kernels.", flush=True)

    serve(copy.file, tell, ip=ip, port=port, root=root, opens_browser=browser)


def _tell_of(copy: Copy) -> None:
    if copy.is_edited:
        told = f"{copy.file} differs from the notebook of this release and is opened as it is"
        print(f"{told}; for a fresh copy beside it: nsm notebook --fresh", file=sys.stderr)


def _warn(ip: str, port: int) -> None:
    lines = (
        f"WARNING: the server listens on {ip}, not on this machine alone.",
        "Whoever reaches it and has the token can run any program as you, and nothing is encrypted.",
        f"Safer: leave out --ip, and on your own machine: ssh -L {port}:127.0.0.1:{port} HOST",
    )
    width = max(map(len, lines))
    print(
        "\n".join(["!" * (width + 4), *(f"! {line:<{width}} !" for line in lines), "!" * (width + 4)]), file=sys.stderr
    )
