"""``nsm export``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from nsm.cli.options import AsJson, Debug, Root, limit_threads

__all__ = ["EXAMPLES", "export"]

EXAMPLES = """\b
Examples:
  nsm export flat_1
  nsm export checkpoints/planning/runs/flat_1 --zip results/flat_1.zip
  nsm export flat_1 --root checkpoints --json
"""


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder, or the name of a run.", show_default=False)],
    file: Annotated[
        Path | None,
        typer.Option("--zip", metavar="FILE", help="The zip that is written. Default: RUN.zip in this folder."),
    ] = None,
    root: Root = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Put everything about a run that others need into one zip.

    Results, predictions, figures as PNG and SVG, the report, the configuration and the versions; no weights, no
    code that runs when it is opened, no paths of this machine and no passwords.
    """
    del debug
    limit_threads(1)
    from nsm import pipeline

    result = pipeline.export(run, file, root=root)
    if as_json:
        print(json.dumps(result.to_json()))
        return
    for name, size in result.entries.items():
        print(f"{size / 1024:>10,.1f} KiB  {name}")
    for line in result.missing:
        print(f"missing: {line}")
    print(f"written {result.file}")
