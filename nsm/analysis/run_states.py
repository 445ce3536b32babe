"""Where a run stands, told from its folder alone: its files and its lock."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nsm.analysis.run_results import flat_settings, read_tables
from nsm.errors import RunError
from nsm.runs import Run, is_held

__all__ = ["RunState", "best_row", "duration", "read_records", "read_state", "run_summary", "state_of"]

FIRST_EPOCH = 1800.0  # seconds that a run may take for its first line before it counts as stale
SHORTEST, PATIENCE = 120.0, 5.0  # seconds; epochs as long as the longest of late
CLOSING = 5.0  # seconds in which a training closes its files after the last one that counts
LATE = 5  # epochs that tell the rate
ENDED = re.compile(rb'"interrupted":\s*(true|false)\s*}\s*$')


@dataclass(frozen=True)
class RunState:
    """A run as its folder shows it.

    Attributes:
        run: The run.
        state: ``running``, ``finished``, ``interrupted``; ``killed``: its process is gone without an end; or
            ``stale``: not ended, and silent for long, where nothing is known of the process.
        epoch, epochs: Epochs that are finished, and those that are configured (0 where that cannot be read).
        records: Lines of the history, those that can be read.
        majority, ceiling: Accuracy of the majority class and the best possible one, where they are known.
        rate: Graphs per second of late.
        left: Seconds that remain, while it runs.
    """

    run: Run
    state: str
    epoch: int
    epochs: int
    records: Sequence[Mapping[str, Any]]
    majority: float | None = None
    ceiling: float | None = None
    rate: float | None = None
    left: float | None = None

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The figures of each epoch, those that depend on the machine among them."""
        return [
            {"epoch": record["epoch"], **_table(record, "resources"), **_table(record, "metrics")}
            for record in self.records
        ]

    @property
    def summary(self) -> str:
        """One line: state, epoch, rate, remaining time, and the validation accuracy so far."""
        parts = [f"{self.state}: epoch {self.epoch} of {self.epochs or '?'}"]
        if self.rate is not None:
            parts.append(f"{self.rate:,.0f} graphs/s")
        if self.left is not None:
            parts.append(f"{duration(self.left)} left")
        validated = [row for row in self.rows if isinstance(row.get("val_acc"), int | float)]
        if validated:
            best = best_row(validated)
            parts.append(f"validation accuracy {validated[-1]['val_acc']:.1%}")
            parts.append(f"best {best['val_acc']:.1%} at epoch {best['epoch']}")
        if self.majority is not None:
            parts.append(f"majority {self.majority:.1%}")
        return ", ".join(parts)


def read_state(run: Run, *, now: float | None = None) -> RunState:
    """Reads a run folder, whatever is missing, half written or damaged in it.

    Args:
        run: The run.
        now: Seconds since 1970; the present by default.
    """
    records = read_records(run)
    try:
        settings, provenance = read_tables(run)
    except RunError:
        settings, provenance = {}, {}
    epoch = max((int(record["epoch"]) for record in records), default=0)
    epochs = settings.get("epochs", 0)
    epochs = max(epochs, 0) if isinstance(epochs, int) else 0
    late = [_table(record, "resources") for record in records[-LATE:]]
    seconds = [spent for row in late if isinstance(spent := row.get("seconds"), int | float)]
    rates = [rate for row in late if isinstance(rate := row.get("graphs_per_second"), int | float)]
    state = state_of(run, max(seconds, default=None), now=now)
    is_running = state == "running" and bool(seconds)
    results = _read_json(run.final_results)
    return RunState(
        run,
        state,
        epoch,
        epochs,
        records,
        majority=_number(provenance.get("majority"), results.get("majority")),
        ceiling=_number(provenance.get("ceiling"), results.get("ceiling")),
        rate=float(np.median(rates)) if rates else None,
        left=max(epochs - epoch, 0) * float(np.median(seconds)) if is_running and epochs else None,
    )


def read_records(run: Run) -> list[dict[str, Any]]:
    """The lines of the history that are whole; a line that is being written, or damaged, does not count."""
    try:
        lines = run.history.read_bytes().split(b"\n")
    except OSError:
        return []
    records = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(record.get("epoch"), int):
            records.append(record)
    return records


def state_of(run: Run, longest: float | None = None, *, now: float | None = None) -> str:
    """``running``, ``finished``, ``interrupted``, ``killed`` or ``stale``: see :class:`RunState`.

    The lock tells of a process of this machine; of others the files' times and the end of one of them.

    Args:
        run: The run.
        longest: Seconds of the longest epoch of late; None before the first one.
        now: Seconds since 1970; the present by default.
    """
    now = time.time() if now is None else now
    held, taken, ended = is_held(run), _modified(run.lock), _modified(run.training_history)
    if held is not None and (ended is None or taken is None or taken > ended):  # else the training only clears up
        return "running" if held else "killed"
    trained = _latest([run.config, run.history, run.last])
    if ended is not None and (held or trained is None or trained <= ended + CLOSING):
        return "interrupted" if _is_interrupted(run.training_history) else "finished"
    active = _latest([run.config, run.history, run.last, *run.tensorboard.glob("events*")])
    allowed = FIRST_EPOCH if longest is None else max(SHORTEST, PATIENCE * longest)
    return "running" if active is not None and now - active <= allowed else "stale"


def run_summary(run: Run, *, now: float | None = None) -> str:
    """One line: state, epoch, rate, remaining time, and the validation accuracy so far."""
    return read_state(run, now=now).summary


def best_row(rows: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The validation of the highest accuracy, of equal ones that of the lowest loss: whose weights training keeps.

    Args:
        rows: Figures of epochs, each with a ``val_acc``; at least one.

    Example:
        >>> best_row([{"val_acc": 0.9, "val_loss": 0.4}, {"val_acc": 0.9, "val_loss": 0.3}])["val_loss"]
        0.3
    """
    return max(rows, key=lambda row: (float(row["val_acc"]), -(_number(row.get("val_loss"), math.inf) or 0.0)))


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    Example:
        >>> duration(9.6), duration(125), duration(7384), duration(200_000)
        ('10 s', '2 min', '2 h 3 min', '2 d 7 h')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def _latest(paths: Iterable[Path]) -> float | None:
    """When the newest of these files was written."""
    return max((seconds for path in paths if (seconds := _modified(path)) is not None), default=None)


def _modified(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _is_interrupted(path: Path) -> bool:
    """Whether the training was stopped before its end, from the last bytes of the file where that is possible."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 64))
        found = ENDED.search(stream.read())
    return found[1] == b"true" if found else bool(_read_json(path).get("interrupted", False))


def _read_json(path: Path) -> dict[str, Any]:
    """The object in a file; an empty one where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _table(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A table of a line of the history, flat; empty where it is missing."""
    found = record.get(name)
    return flat_settings(found) if isinstance(found, Mapping) else {}


def _number(*candidates: Any) -> float | None:
    return next((float(value) for value in candidates if isinstance(value, int | float)), None)
