"""All runs below a root as a table, for whoever browses them."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nsm.analysis.run_results import flat_settings, read_tables
from nsm.analysis.run_states import duration, state_of
from nsm.analysis.tables import Table
from nsm.errors import RunError
from nsm.runs import Run, list_runs

__all__ = ["run_table"]

COLUMNS = (
    "run", "domain", "model", "seed", "state", "epoch", "epochs", "best epoch", "best val acc", "test acc",
    "checkpoints", "size MiB", "age", "seconds since", "folder",
)  # fmt: skip
FORMATS = {"best val acc": ".4f", "test acc": ".4f", "size MiB": ".1f", "seconds since": ".0f", "seed": "d"}
TAIL = 65536  # bytes at the end of a history among which its last line is sought
ACCURACY = re.compile(rb'^  "accuracy": ([0-9.eE+-]+)', re.MULTILINE)


def run_table(root: Path, *, now: float | None = None) -> Table:
    """Every run below a root, the latest first, with its metrics, size, age and state.

    Histories are read at their ends only, so that hundreds of long runs are listed at once. A run whose
    configuration is damaged is listed without what cannot be known.

    Args:
        root: Where runs are kept.
        now: Seconds since 1970; the present by default.
    """
    now = time.time() if now is None else now
    rows = [_row(run, now) for run in list_runs(root)]
    place = COLUMNS.index("seconds since")
    return Table(COLUMNS, sorted(rows, key=lambda row: row[place]), f"{len(rows)} runs in {root}", FORMATS)


def _row(run: Run, now: float) -> tuple[Any, ...]:
    try:
        settings = read_tables(run)[0]
    except RunError:
        settings = {}
    latest, best = _ends(run.history)
    seconds = _table(latest, "resources").get("seconds")
    size, changed, checkpoints = _measure(run.folder)
    return (
        run.name,
        settings.get("domain", run.folder.parents[1].name),
        settings.get("model"),
        settings.get("seed"),
        state_of(run, seconds if isinstance(seconds, int | float) else None, now=now),
        latest.get("epoch", 0),
        settings.get("epochs"),
        best.get("epoch"),
        _table(best, "metrics").get("val_acc"),
        _accuracy(run.final_results),
        checkpoints,
        size / 2**20,
        duration(max(0.0, now - changed)),
        max(0.0, now - changed),
        str(run.folder),
    )


def _ends(history: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The last whole line of a history, and that of the best validation."""
    try:
        content = history.read_bytes()
    except OSError:
        return {}, {}
    whole = content[: content.rfind(b"\n") + 1]
    last = whole[max(0, len(whole) - TAIL) :].rstrip(b"\n").rpartition(b"\n")[2]
    at = whole.rfind(b'"is_best": true')
    if at < 0:
        return _object(last), {}
    return _object(last), _object(whole[whole.rfind(b"\n", 0, at) + 1 : whole.find(b"\n", at)])


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _table(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = record.get(name)
    return flat_settings(found) if isinstance(found, Mapping) else {}


def _accuracy(results: Path) -> float | None:
    """The accuracy in the results of an evaluation, without reading the whole of them as JSON."""
    try:
        found = ACCURACY.search(results.read_bytes())
        return None if found is None else float(found[1])
    except (OSError, ValueError):
        return None


def _measure(folder: Path) -> tuple[int, float, int]:
    """Bytes of all files, the latest change among them, and the number of checkpoints."""
    size, changed, checkpoints = 0, 0.0, 0
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            inner = _measure(Path(entry.path))
            size += inner[0]
        else:
            status = entry.stat(follow_symlinks=False)
            size, changed = size + status.st_size, max(changed, status.st_mtime)
            checkpoints += entry.name.endswith(".pt") and entry.name != "ranker.pt"
    return size, changed, checkpoints
