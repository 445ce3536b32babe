"""``nsm fetch``."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Annotated

import typer

from nsm.cli.options import AsJson, Debug, Quiet, Root, limit_threads
from nsm.errors import NSMError
from nsm.runs import resolve_root

if TYPE_CHECKING:
    from nsm.cloud.fetching import Fetched

__all__ = ["EXAMPLES", "fetch"]

EXAMPLES = """\b
Examples:
  nsm fetch
  nsm fetch causal
  nsm fetch 20260801-101500-ab12
  nsm fetch causal/runs/night --root local_results
  nsm fetch causal --no-data --json
"""


def fetch(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[DOMAIN|RUN]",
            help="A domain, a run by its name, or DOMAIN/runs/NAME. Default: everything.",
            show_default=False,
        ),
    ] = None,
    root: Root = None,
    data: Annotated[bool, typer.Option("--data/--no-data", help="Bring the data sets of the runs too.")] = True,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Bring results home from the cloud volume nsm-checkpoints.

    Runs, their best models and their data sets come into ROOT, where nsm evaluate, nsm compare and the notebook find
    them. Checkpoints and data are verified before they take their place; what is here already is skipped, and a fetch
    that was interrupted goes on when it is begun again.
    """
    del debug
    if importlib.util.find_spec("modal") is None:
        raise NSMError("modal is not installed", hint="pip install 'nsm[cloud]', then modal setup")
    limit_threads(1)
    from nsm.cloud.fetch_bar import FetchBar
    from nsm.cloud.fetching import fetch as bring
    from nsm.cloud.modal_platform import ModalVolume, has_token

    if not has_token():
        raise NSMError("no Modal token is set", hint="modal setup, or MODAL_TOKEN_ID and MODAL_TOKEN_SECRET")
    with FetchBar(quiet=quiet or as_json) as bar:
        done = bring(ModalVolume(), resolve_root(root), target, with_data=data, progress=bar)
    _show(done, as_json=as_json)


def _show(done: Fetched, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(done.to_json()))
        return
    rate = done.bytes / 1e6 / done.seconds if done.seconds else 0.0
    print(f"fetched   {done.files} files, {done.bytes / 1e6:.1f} MB in {done.seconds:.1f} s ({rate:.1f} MB/s)")
    if done.skipped:
        print(f"skipped   {done.skipped} files that were here already")
    for run in done.runs:
        print(f"run       {run}")
    if done.runs:
        print(f"evaluate  nsm evaluate {done.runs[-1]}")
