"""``nsm checkpoints``: what checkpoints there are, what is in them, whether they are whole; and fewer of them."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from nsm.cli.options import AsJson, Debug, Root, limit_threads
from nsm.runs import find_run, resolve_root

__all__ = ["app"]

app = typer.Typer(
    help="List, show, verify, compare and prune checkpoints.", no_args_is_help=True, rich_markup_mode=None
)

LIST_EXAMPLES = """\b
Examples:
  nsm checkpoints list
  nsm checkpoints list flat_1
  nsm checkpoints list --root other/checkpoints --json
"""
SHOW_EXAMPLES = """\b
Examples:
  nsm checkpoints show flat_1
  nsm checkpoints show flat_1/last.pt
  nsm checkpoints show checkpoints/planning/experiment_high_cycle_weight.pt --json
"""
VERIFY_EXAMPLES = """\b
Examples:
  nsm checkpoints verify
  nsm checkpoints verify flat_1 && nsm evaluate flat_1
  nsm checkpoints verify flat_1 --json
"""
DIFF_EXAMPLES = """\b
Examples:
  nsm checkpoints diff flat_1 flat_2
  nsm checkpoints diff flat_1/checkpoint_epoch_0010.pt flat_1/last.pt --top 5
  nsm checkpoints diff flat_1 flat_2 --json
"""
PRUNE_EXAMPLES = """\b
Examples:
  nsm checkpoints prune --dry-run
  nsm checkpoints prune flat_1 --keep 1
  nsm checkpoints prune --yes --json
"""

Place = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="A run, by name or folder, or any folder. Default: all runs of the root."),
]
CHECKPOINT = "A file, RUN/last.pt and the like, or a run: its best model."


@app.callback()
def checkpoints() -> None:
    """List, show, verify, compare and prune checkpoints; none is ever allowed to run code."""


@app.command("list", epilog=LIST_EXAMPLES)
def list_(place: Place = None, root: Root = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """List checkpoints with epoch, accuracy, loss, size, age and kind.

    Kinds: best, last and periodic ones of a run; overall is the best of all runs on one data set. Weights that
    were saved by hand are listed too.
    """
    del debug
    folder = _folder(place, root)
    limit_threads(1)
    from nsm.training.inventory import list_checkpoints

    files, now = list_checkpoints(folder), time.time()
    if as_json:
        print(json.dumps({"folder": str(folder), "checkpoints": [file.to_json(now) for file in files]}))
        return
    from nsm.cli.checkpoint_tables import file_table, show

    show(file_table(files, folder, now) if files else f"no checkpoints in {folder}")


@app.command("show", epilog=SHOW_EXAMPLES)
def show_(
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help=CHECKPOINT, show_default=False)],
    root: Root = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what is in a checkpoint: metrics, configuration, versions and every tensor of the weights."""
    del debug
    limit_threads(1)
    from nsm.training.inspection import inspect_checkpoint
    from nsm.training.inventory import locate_checkpoint

    content = inspect_checkpoint(locate_checkpoint(checkpoint, resolve_root(root)))
    if as_json:
        print(json.dumps(content.to_json()))
        return
    from nsm.cli.checkpoint_tables import content_parts, show

    show(*content_parts(content))


@app.command("verify", epilog=VERIFY_EXAMPLES)
def verify(place: Place = None, root: Root = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """Read every checkpoint to its last byte, compare checksums, and say which are damaged and why.

    The exit status is 1 if any is damaged.
    """
    del debug
    folder = _folder(place, root)
    limit_threads(1)
    from nsm.training.inspection import damage
    from nsm.training.inventory import find_checkpoints

    problems = {path: damage(path) for path in find_checkpoints(folder)}
    damaged = sum(problem is not None for problem in problems.values())
    if as_json:
        rows = [{"path": str(path), "ok": problem is None, "problem": problem} for path, problem in problems.items()]
        print(json.dumps({"folder": str(folder), "damaged": damaged, "checkpoints": rows}))
    else:
        for path, problem in problems.items():
            print(f"{path}: {'ok' if problem is None else f'damaged: {problem}'}")
        print(f"{len(problems)} checkpoints, {damaged} damaged")
    if damaged:
        raise typer.Exit(1)


@app.command("diff", epilog=DIFF_EXAMPLES)
def diff(
    first: Annotated[str, typer.Argument(metavar="FIRST", help=CHECKPOINT, show_default=False)],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="Another one.", show_default=False)],
    top: Annotated[int, typer.Option(min=1, help="How many of the largest changes of weights are shown.")] = 10,
    root: Root = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare two checkpoints: metrics, settings, and how far each tensor of the weights has moved.

    The change of a tensor is the norm of the difference over the norm of the first.
    """
    del debug
    limit_threads(1)
    from nsm.training.inspection import compare_checkpoints
    from nsm.training.inventory import locate_checkpoint

    paths = [locate_checkpoint(name, resolve_root(root)) for name in (first, second)]
    difference = compare_checkpoints(paths[0], paths[1])
    if as_json:
        print(json.dumps(difference.to_json()))
        return
    from nsm.cli.checkpoint_tables import difference_parts, show

    show(*difference_parts(difference, top))


@app.command("prune", epilog=PRUNE_EXAMPLES)
def prune(
    place: Place = None,
    keep: Annotated[int, typer.Option(min=0, help="Numbered checkpoints that each run keeps, the newest.")] = 3,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    root: Root = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Remove old numbered checkpoints; the best, the last and everything with a name of its own stay.

    Nothing is removed from a run whose best or last checkpoint is missing or damaged.
    """
    del debug
    folder = _folder(place, root)
    limit_threads(1)
    from nsm.cli.checkpoint_tables import prune_text
    from nsm.training.inventory import list_checkpoints, plan_prune

    plan = plan_prune(list_checkpoints(folder), keep)
    print(prune_text(plan, folder), file=sys.stderr if as_json else sys.stdout)
    is_wanted = bool(plan.removed) and not dry_run and (yes or _is_agreed())
    if is_wanted:
        plan.carry_out()
    if as_json:
        removed = [str(file.path) for file in plan.removed]
        spared = {str(run): reason for run, reason in plan.spared.items()}
        print(json.dumps({"removed": removed if is_wanted or dry_run else [], "freed": plan.freed, "spared": spared,
                          "dry_run": dry_run}))  # fmt: skip
    elif plan.removed:
        print("removed" if is_wanted else "nothing was removed")


def _folder(place: str | None, root: Path | None) -> Path:
    """Where to look: a folder as it is, else a run by its name, else the root."""
    home = resolve_root(root)
    if place is None:
        return home
    return Path(place) if Path(place).is_dir() else find_run(place, home).folder


def _is_agreed() -> bool:
    """Asks on standard error; no answer is a no."""
    print("Remove them? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
