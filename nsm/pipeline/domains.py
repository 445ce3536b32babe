"""What each domain brings: a source of graphs, and the two measures of the audit that only it can define."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.build import GraphSource
    from nsm.data.packed import PackedGraphs
    from nsm.data.planning.strips import Domain

__all__ = ["TASKS", "Task", "open_task"]

Measure = Callable[["PackedGraphs"], float]


@dataclass(frozen=True)
class Task:
    """A domain as it is configured.

    Attributes:
        source: Makes the graphs.
        confirm: Share of the labels that a second implementation confirms; None where there is none.
        local_probe: Accuracy of a shallow local probe; None where there is none.
    """

    source: GraphSource
    confirm: Measure | None = None
    local_probe: Measure | None = None


def open_task(config: Config) -> Task:
    """The configured domain.

    Raises:
        DataError: If the user's files are malformed.
    """
    return TASKS[config.domain](config)


def _planning(config: Config) -> Task:
    from nsm.data.planning.local_probe import local_probe
    from nsm.data.planning.source import PlanningSource

    source = PlanningSource(config.planning, config.seed)

    def confirm(graphs: PackedGraphs) -> float:
        domains = {family: source.domain(family) for family in source.families}
        rows = zip(graphs.sources(), graphs.table["family"].to_pylist(), graphs.labels, strict=True)
        names = graphs.schema.labels
        agreed = [_verdict(json.loads(text), domains[family]) == names[label] for text, family, label in rows]
        return float(np.mean(agreed))

    return Task(source, confirm, local_probe)


def _verdict(story: Mapping[str, Any], domain: Domain) -> str:
    """The label that the lifted checker gives, which shares no code with the executor."""
    from nsm.data.planning.checking import check_plan
    from nsm.data.planning.strips import Atom

    init, goal, goal_not = (
        [Atom(predicate, tuple(args)) for predicate, *args in story[part]]
        for part in ("init", "goal", "goal_not")
    )
    steps = [(name, args) for name, *args in story["plan"]]
    return "valid" if check_plan(domain, story["objects"], init, goal, steps, goal_not) else "invalid"


TASKS: dict[str, Callable[[Config], Task]] = {"planning": _planning}
"""How each domain is opened."""
