"""All checkpoints below a root as a table, for whoever browses them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from nsm.analysis.run_groups import MACHINE, TABLES
from nsm.analysis.run_states import duration
from nsm.analysis.tables import Table
from nsm.config.reading import PROVENANCE
from nsm.errors import RunError
from nsm.runs import resolve_root
from nsm.training.glance import glance
from nsm.training.inventory import CheckpointFile

__all__ = ["checkpoint_lines", "checkpoint_page", "checkpoints", "no_checkpoints"]

COLUMNS = (
    "run", "checkpoint", "domain", "kind", "epoch", "val acc", "val loss", "size MiB", "age", "seconds since",
    "settings", "problem", "path",
)  # fmt: skip
FORMATS = {"val acc": ".4f", "val loss": ".4f", "size MiB": ".1f", "seconds since": ".0f"}
SHOWN = 6  # settings of a row
HIDDEN = ("kind", "seconds since", "path")  # from a person, whom the name of the file tells the first
LINE = ("epoch", "val acc", "size MiB", "age")  # figures of a line to choose from

Settings = Mapping[str, str]


def checkpoints(
    root: Path | str | None = None,
    *,
    sort: str = "seconds since",
    descending: bool = False,
    where: Callable[[dict[str, Any]], bool] | None = None,
    now: float | None = None,
) -> Table:
    """Every checkpoint below a root, the latest first: metrics, size, age, and the settings in which runs differ.

    Bare weights that were saved by hand are listed too, as ``other``. The metrics of a run's checkpoints are those
    of its history; ``nsm checkpoints verify`` opens every file.

    Args:
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.
        sort: The column to sort by.
        descending: Whether the largest comes first.
        where: Which rows to keep; given a row as a dictionary.
        now: Seconds since 1970; the present by default.

    Raises:
        RunError: If there is no such folder, or no such column.
    """
    if sort not in COLUMNS:
        raise RunError(f"sort: there is no column {sort!r}", hint=f"one of {', '.join(COLUMNS)}")
    home = resolve_root(None if root is None else Path(root))
    now = time.time() if now is None else now
    files = glance(home)
    folders = {file.path.parent for file in files if file.run is not None}
    differing = _differing({folder: _settings(folder) for folder in sorted(folders)})
    rows = [_row(file, home, now, differing.get(file.path.parent, "")) for file in files]
    if not rows:
        return no_checkpoints(home)
    table = Table(COLUMNS, rows, f"{len(rows)} checkpoints in {home}", FORMATS).sort(sort, descending=descending)
    return table.filter(where) if where else table


def no_checkpoints(root: Path) -> Table:
    """The table of a root that is not there yet."""
    return Table(COLUMNS, [], f"no checkpoints yet in {root}", FORMATS)


def checkpoint_lines(table: Table, root: Path) -> list[str]:
    """A line for each row: its path below the root, then the figures by which one chooses."""
    places = [table.columns.index(name) for name in LINE]
    lines = []
    for path, cells in zip(table.column("path"), table.cells(), strict=True):
        epoch, accuracy, size, age = (cells[place] for place in places)
        told = [f"epoch {epoch}"] if epoch else []
        told += [f"val acc {accuracy}"] if accuracy else []
        lines.append(f"{Path(path).relative_to(root)}  ({', '.join([*told, f'{size} MiB', f'{age} old'])})")
    return lines


def checkpoint_page(table: Table) -> str:
    """The table as HTML that can be read in a narrow window: only the settings are broken into lines."""
    places = [
        place
        for place, name in enumerate(table.columns)
        if name not in HIDDEN and any(row[place] not in (None, "") for row in table.rows)
    ]

    def line(tag: str, cells: Sequence[str]) -> str:
        return f"<tr>{''.join(_cell(tag, table, place, cells[place]) for place in places)}</tr>"

    head, body = line("th", table.columns), "".join(line("td", cells) for cells in table.cells())
    return (
        f'<div style="font-weight:bold">{escape(table.title)}</div><div style="overflow-x:auto">'
        f'<table style="border-collapse:collapse"><thead>{head}</thead><tbody>{body}</tbody></table></div>'
    )


def _cell(tag: str, table: Table, place: int, text: str) -> str:
    name = table.columns[place]
    side = "right" if table.is_numeric(name) else "left"
    width = "min-width:9em" if name in ("settings", "problem") else "white-space:nowrap"
    style = f"text-align:{side};{width};padding:2px 8px 2px 0;line-height:1.4"
    return f'<{tag} style="{style}">{escape(text)}</{tag}>'


def _row(file: CheckpointFile, home: Path, now: float, settings: str) -> tuple[Any, ...]:
    domain = file.path.relative_to(home).parts[0] if file.path.parent != home else None
    age = max(0.0, now - file.modified)
    return (
        file.run, file.path.name, domain, file.kind, file.epoch, file.val_acc, file.val_loss, file.size / 2**20,
        duration(age), age, settings, file.problem, str(file.path),
    )  # fmt: skip


def _differing(runs: Mapping[Path, Settings]) -> dict[Path, str]:
    """For each run the settings that not all runs of its domain share."""
    domains: dict[Any, dict[Path, Settings]] = {}
    for folder, settings in runs.items():
        domains.setdefault(settings.get("domain"), {})[folder] = settings
    told: dict[Path, str] = {}
    for members in domains.values():
        keys = sorted({key for settings in members.values() for key in settings})
        keys = [key for key in keys if len({str(settings.get(key)) for settings in members.values()}) > 1]
        for folder, settings in members.items():
            pairs = [f"{key}={settings[key]}" for key in keys if key in settings]
            told[folder] = ", ".join(pairs[:SHOWN]) + (", ..." if len(pairs) > SHOWN else "")
    return told


def _settings(folder: Path) -> Settings:
    """What sets a run apart: none of the machine's settings, none of another domain's."""
    try:
        stat = (folder / "config.toml").stat()
    except OSError:
        return {}
    return _read_settings(folder, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4096)
def _read_settings(folder: Path, changed: int, size: int) -> Settings:
    """The settings as they were when the file changed last and had this size: as text, which is all that is shown.

    NSM writes one setting on a line. To read 500 files as TOML would take half a second.
    """
    del changed, size
    settings, table = {}, ""
    for line in (folder / "config.toml").read_text(encoding="utf-8", errors="replace").splitlines():
        key, is_setting, value = line.partition(" = ")
        if is_setting:
            settings[f"{table}{key}"] = value.strip('"')
        elif line.startswith("["):
            table = f"{line.strip('[] ')}."
    others = tuple(f"{name}." for name in (*TABLES, PROVENANCE) if name != settings.get("domain"))
    unlike = MACHINE - {"seed"}
    return {key: value for key, value in settings.items() if key not in unlike and not key.startswith(others)}
