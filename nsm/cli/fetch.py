"""``nsm fetch``."""

from __future__ import annotations

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
  nsm fetch night --force
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
    force: Annotated[
        bool, typer.Option("--force", help="Replace runs that were made or changed here by those of the volume.")
    ] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Bring results home from the cloud volume nsm-checkpoints.

    Runs, their best models and their data sets come into ROOT, where nsm evaluate, nsm compare and the notebook find
    them. Files are verified before they take their place; what is here already is skipped, and a fetch that was
    interrupted goes on when it is begun again. A run that was made or changed here is not overwritten.
    """
    del debug
    limit_threads(1)
    try:
        from nsm.cloud.modal_platform import ModalVolume, has_token
    except ImportError as failure:
        is_absent = isinstance(failure, ModuleNotFoundError) and failure.name == "modal"
        why = "modal is not installed" if is_absent else f"modal cannot be imported: {failure}"
        raise NSMError(why, hint="pip install 'nsm[cloud]', then modal setup") from failure
    if not has_token():
        raise NSMError("no Modal token is set", hint="modal setup, or MODAL_TOKEN_ID and MODAL_TOKEN_SECRET")
    from nsm.cloud.fetch_bar import FetchBar
    from nsm.cloud.fetching import fetch as bring

    with FetchBar(quiet=quiet or as_json) as bar:
        done = bring(ModalVolume(), resolve_root(root), target, with_data=data, force=force, progress=bar)
    _show(done, as_json=as_json)


def _show(done: Fetched, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(done.to_json()))
        return
    rate = done.bytes / 1e6 / done.seconds if done.seconds else 0.0
    print(f"fetched   {done.files} files, {done.bytes / 1e6:.1f} MB in {done.seconds:.1f} s ({rate:.1f} MB/s)")
    if done.skipped:
        print(f"skipped   {done.skipped} files that were here already")
    for kept in done.kept:
        print(f"kept      {done.root / kept} as it is here: changed here, or better")
    for run in done.runs:
        print(f"run       {run}")
    if done.runs:
        print(f"evaluate  nsm evaluate {done.runs[-1]}")
