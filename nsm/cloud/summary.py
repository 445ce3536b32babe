"""The table that a launch ends with: what each domain came to, whether it can be trusted, what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

from nsm.cloud.prices import Prices, load_prices

__all__ = ["Row", "has_failed", "show", "summarise"]


@dataclass(frozen=True)
class Row:
    """One domain of a launch.

    Attributes:
        domain, run: What was trained.
        state: ``finished``, ``failed`` or ``running``.
        why: Why it failed, in one line.
        accuracy, low, high: On the test split, with the 95 % interval.
        majority: What always naming the most frequent class reaches.
        ceiling: The best possible accuracy, where it is known.
        per_class: Share of each class that was recognised.
        collapsed: Classes that were never predicted; None before there is an evaluation.
        epochs, best_epoch: Trained, and the best of them.
        attempts: Containers that worked on it.
        hours: Time of these containers, in hours: what their GPUs are paid for.
        gpu: The last of them.
        dollars: An estimate; None for a GPU without a price.
    """

    domain: str
    run: str
    state: str
    why: str | None = None
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    majority: float | None = None
    ceiling: float | None = None
    per_class: dict[str, float] = field(default_factory=dict)
    collapsed: list[str] | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    attempts: int = 0
    hours: float = 0.0
    gpu: str = ""
    dollars: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The row as plain values."""
        return asdict(self)


def summarise(told: Mapping[str, Any], prices: Prices | None = None) -> Row:
    """A row from what :func:`nsm.cloud.training.perform` returned, or from as much of it as there is."""
    figures, attempts = told.get("figures") or {}, told.get("attempts") or []
    prices = prices or load_prices()
    costs = [prices.estimate(one["gpu"], one["seconds"]) for one in attempts]
    known = [cost for cost in costs if cost is not None]
    return Row(
        domain=told["domain"],
        run=told["run"],
        state=told["state"],
        why=told.get("why"),
        accuracy=figures.get("accuracy"),
        low=figures.get("accuracy_low"),
        high=figures.get("accuracy_high"),
        majority=figures.get("majority"),
        ceiling=figures.get("ceiling"),
        per_class={name: part["recall"] for name, part in figures.get("per_class", {}).items()},
        collapsed=_collapsed(figures),
        epochs=figures.get("epochs"),
        best_epoch=figures.get("best_epoch"),
        attempts=len(attempts),
        hours=sum(one["seconds"] for one in attempts) / 3600,
        gpu=attempts[-1]["gpu"] if attempts else "",
        dollars=sum(known) if len(known) == len(costs) and costs else None,
    )


def _collapsed(figures: Mapping[str, Any]) -> list[str] | None:
    """The classes that were never predicted, of those that occur; None before there is an evaluation."""
    confusion = figures.get("confusion")
    if confusion is None:
        return None
    names, rows = list(figures["per_class"]), range(len(confusion))
    return [names[k] for k in rows if sum(confusion[k]) and not sum(confusion[row][k] for row in rows)]


def has_failed(rows: Sequence[Row]) -> bool:
    """Whether any domain did not come to its end."""
    return any(row.state == "failed" for row in rows)


def show(rows: Sequence[Row], title: str, prices: Prices | None = None) -> Table:
    """The rows as a table for a terminal; what failed has its reason in its row."""
    prices = prices or load_prices()
    caption = f"Costs are estimates from prices of {prices.read} ({prices.source.split(',')[0]}): GPU, cores, memory."
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left", show_lines=True)
    for name in ("domain", "state", "accuracy (95 %)", "majority", "ceiling", "per class", "collapse"):
        table.add_column(name, overflow="fold")
    for name in ("epochs", "attempts", "time", "GPU-hours", "cost"):
        table.add_column(name, justify="right", overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> list[str]:
    state = row.state if row.why is None else f"{row.state}: {row.why}"
    accuracy = "" if row.accuracy is None else f"{row.accuracy:.1%} ({row.low:.1%} to {row.high:.1%})"
    classes = "\n".join(f"{name} {share:.1%}" for name, share in row.per_class.items())
    epochs = "" if row.epochs is None else f"{row.epochs} (best {row.best_epoch})"
    return [
        row.domain,
        state,
        accuracy,
        _share(row.majority),
        _share(row.ceiling) or ("not known" if row.accuracy is not None else ""),
        classes,
        _collapse(row.collapsed),
        epochs,
        str(row.attempts or ""),
        _duration(row.hours * 3600),
        f"{row.hours:.3f} {row.gpu}".strip() if row.attempts else "",
        "" if row.dollars is None else f"${row.dollars:.2f}",
    ]


def _collapse(classes: list[str] | None) -> str:
    if classes is None:
        return ""
    return f"never says {', '.join(classes)}" if classes else "none"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _duration(seconds: float) -> str:
    """Hours, minutes and seconds.

    Example:
        >>> _duration(3725)
        '1:02:05'
    """
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole else ""
