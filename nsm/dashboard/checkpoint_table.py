"""All checkpoints below a root as a table, for whoever browses them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nsm.analysis.run_states import duration
from nsm.analysis.tables import Table
from nsm.runs import resolve_root
from nsm.training.inventory import list_checkpoints

__all__ = ["checkpoints"]

COLUMNS = ("run", "checkpoint", "domain", "kind", "epoch", "val acc", "val loss", "size MiB", "age", "settings",
           "problem", "path")  # fmt: skip
FORMATS = {"val acc": ".4f", "val loss": ".4f", "size MiB": ".1f"}


def checkpoints(
    root: Path | str | None = None,
    *,
    sort: str = "age",
    descending: bool = False,
    where: Callable[[dict[str, Any]], bool] | None = None,
    now: float | None = None,
) -> Table:
    """Every run and checkpoint below a root: metrics, size, age, and the settings in which the runs differ.

    Args:
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.
        sort: The column to sort by.
        descending: Whether the largest comes first.
        where: Which rows to keep; given a row as a dictionary.
        now: Seconds since 1970; the present by default.
    """
    home = resolve_root(None if root is None else Path(root))
    now = time.time() if now is None else now
    rows = [
        (file.run, file.path.name, file.path.relative_to(home).parts[0], file.kind, file.epoch, file.val_acc,
         file.val_loss, file.size / 2**20, duration(now - file.modified), "", file.problem, str(file.path))
        for file in list_checkpoints(home)
    ]  # fmt: skip
    table = Table(COLUMNS, rows, f"{len(rows)} checkpoints in {home}", FORMATS)
    return table.filter(where) if where else table
