"""One finding about the machine, and how findings are collected so that none can spoil another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Literal

__all__ = ["Check", "Probe", "Status", "examine", "note", "ok", "problem"]

Status = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Check:
    """What was found about one thing.

    Attributes:
        name: What was looked at.
        status: ``ok``; ``note``, which is worth knowing and hinders no training; or ``problem``, which does.
        detail: What was found.
        remedy: What to do about it; None where there is nothing to do.
    """

    name: str
    status: Status
    detail: str
    remedy: str | None = None

    def to_json(self) -> dict[str, str | None]:
        """The finding as plain values."""
        return asdict(self)


Finding = tuple[Status, str, str | None]
Probe = Callable[[], Finding]


def ok(detail: str) -> Finding:
    """All is well."""
    return "ok", detail, None


def note(detail: str, remedy: str | None) -> Finding:
    """Worth knowing, and no hindrance."""
    return "note", detail, remedy


def problem(detail: str, remedy: str) -> Finding:
    """Something that hinders a training."""
    return "problem", detail, remedy


def examine(probes: Mapping[str, Probe]) -> list[Check]:
    """Carries out every probe, side by side; one that fails is a finding like the others.

    Args:
        probes: By the name of what they look at.

    Example:
        >>> [check.status for check in examine({"sky": lambda: ok("blue"), "sum": lambda: ok(str(1 // 0))})]
        ['ok', 'note']
    """
    checks = []
    with ThreadPoolExecutor(max(1, len(probes))) as pool:
        pending = {name: pool.submit(probe) for name, probe in probes.items()}
        for name, future in pending.items():
            failure = future.exception()
            if failure is None:
                checks.append(Check(name, *future.result()))
            else:
                detail = f"could not be looked at: {type(failure).__name__}: {failure}"
                checks.append(Check(name, "note", detail, "tell the authors, with what this command printed"))
    return checks
