"""Checkpoints as text: tables for a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from nsm.training.inspection import CheckpointContent, CheckpointDifference
    from nsm.training.inventory import CheckpointFile, PrunePlan

__all__ = ["content_parts", "difference_parts", "file_table", "prune_text", "show"]


def show(*parts: RenderableType) -> None:
    """Prints text and tables one below the other, as wide as they need where nobody watches."""
    import sys

    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False).print(*parts, sep="\n")


def _table(title: str, *columns: str, right: Sequence[str] = ()) -> Table:
    from rich.table import Table

    table = Table(title=title or None, box=None, pad_edge=False, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def file_table(files: Iterable[CheckpointFile], folder: Path, now: float) -> Table:
    """One row per checkpoint, by its path inside the folder."""
    numbers = ("epoch", "val acc", "val loss", "size", "age")
    table = _table("", "checkpoint", "kind", *numbers, "", right=numbers)
    for file in files:
        table.add_row(
            str(file.path.relative_to(folder)),
            file.kind,
            _text(file.epoch),
            _text(file.val_acc),
            _text(file.val_loss),
            _size(file.size),
            _age(now - file.modified),
            "" if file.problem is None else f"damaged: {file.problem}",
        )
    return table


def content_parts(content: CheckpointContent) -> list[RenderableType]:
    """What is in a checkpoint: metrics, settings, versions, weights."""
    parts: list[RenderableType] = [str(content.path), ""]
    for title, values in (("metrics", content.metrics), ("settings", _own(content.config)), ("from", content.versions)):
        if values:
            table = _table("", title, "")
            for name, value in values.items():
                table.add_row(name, _text(value))
            parts += [table, ""]
    numbers = ("values", "norm", "mean", "std")
    table = _table("", "weights", "shape", *numbers, right=numbers)
    for part in content.parameters:
        figures = (_text(value) for value in (part.norm, part.mean, part.std))
        table.add_row(part.name, _shape(part.shape), f"{part.count:,}", *figures)
    total = sum(part.count for part in content.parameters)
    return [*parts, table, f"{total:,} values in {len(content.parameters)} tensors"]


def _own(config: dict[str, Any]) -> dict[str, Any]:
    """The settings without those of other domains and those that have no value."""
    domain = config.get("domain")
    return {key: value for key, value in config.items() if value is not None and key.partition(".")[0] in (key, domain)}


def difference_parts(difference: CheckpointDifference, top: int) -> list[RenderableType]:
    """How two checkpoints differ, the largest changes of weights first."""
    parts: list[RenderableType] = [f"first   {difference.first}", f"second  {difference.second}", ""]
    for title, pairs in (("metrics", difference.metrics), ("settings", difference.config)):
        table = _table("", title, "first", "second", "change")
        for name, (one, other) in pairs.items():
            are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
            table.add_row(name, _text(one), _text(other), f"{other - one:+.4g}" if are_numbers else "")
        parts += [table if pairs else f"{title}: no difference", ""]
    table = _table("", "weights", "relative change", right=("relative change",))
    for name, change in list(difference.changes.items())[:top]:
        table.add_row(name, f"{change:.3g}")
    parts.append(table)
    if len(difference.changes) > top:
        parts.append(f"... and {len(difference.changes) - top} tensors that changed less")
    for name, (one, other) in difference.unmatched.items():
        parts.append(f"{name}: {_shape(one)} in the first, {_shape(other)} in the second")
    return parts


def prune_text(plan: PrunePlan, folder: Path) -> str:
    """What a pruning removes, and what it leaves alone for a reason."""
    lines = [f"{file.path.relative_to(folder)}  {_size(file.size)}" for file in plan.removed]
    lines += [f"{run}: nothing is removed, since {reason}" for run, reason in plan.spared.items()]
    if plan.removed:
        return "\n".join([*lines, f"{len(plan.removed)} checkpoints to remove, {_size(plan.freed)}"])
    return "\n".join([*lines, "nothing to remove"])


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _shape(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "nothing"
    return " x ".join(map(str, shape)) or "scalar"


def _size(count: float) -> str:
    """Bytes as a person says them.

    Example:
        >>> _size(812), _size(3_400_000)
        ('812 B', '3.4 MB')
    """
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _age(seconds: float) -> str:
    """An age in its largest unit.

    Example:
        >>> _age(40), _age(7_300), _age(200_000)
        ('40 s', '2 h', '2 d')
    """
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
