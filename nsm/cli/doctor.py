"""``nsm doctor``."""

from __future__ import annotations

import json
import textwrap

import typer

from nsm.cli.options import AsJson, Debug, Root

__all__ = ["EXAMPLES", "doctor"]

EXAMPLES = """\b
Examples:
  nsm doctor
  nsm doctor --root /checkpoints
  nsm doctor --json
  nsm doctor && nsm train planning
"""
WIDTH = 116


def doctor(root: Root = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """Look at this machine: versions, GPU and driver, memory, disk, permissions; each finding with its remedy.

    Nothing is changed. ok: all is well; note: worth knowing, and no hindrance; problem: it hinders a training.
    The exit status is 1 if there is a problem.
    """
    del debug
    from nsm.diagnosis import diagnose

    checks = diagnose(root)
    count = sum(check.status == "problem" for check in checks)
    if as_json:
        print(json.dumps({"ready": not count, "checks": [check.to_json() for check in checks]}))
    else:
        for check in checks:
            _show(f"{check.status:8} {check.name:16} ", check.detail)
            if check.remedy is not None:
                _show(f"{'':26}-> ", check.remedy)
        print("ready to train" if not count else f"{count} problem{'s' * (count > 1)} to solve before training")
    if count:
        raise typer.Exit(1)


def _show(heading: str, text: str) -> None:
    """A paragraph that hangs below its heading; paths and commands stay whole."""
    print(textwrap.fill(text, WIDTH, initial_indent=heading, subsequent_indent=" " * len(heading),
                        break_long_words=False, break_on_hyphens=False))  # fmt: skip
