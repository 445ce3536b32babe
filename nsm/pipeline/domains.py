"""What each domain brings: a source of graphs, and the two measures of the audit that only it can define."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.build import GraphSource
    from nsm.data.packed import PackedGraphs
    from nsm.data.trivial import FeatureTable

__all__ = ["TASKS", "Task", "open_task"]

Measure = Callable[["PackedGraphs"], float]
Count = Callable[["PackedGraphs"], int]


@dataclass(frozen=True)
class Task:
    """A domain as it is configured.

    Attributes:
        source: Makes the graphs.
        confirm: Share of the labels that a second implementation confirms; None where there is none.
        local_probe: Accuracy of a shallow local probe; None where there is none.
        features: Tables of features for probes that only this domain can define; None where there are none.
        reported: Names of the probes that are shown and fail nothing.
        shared_entities: Number of entities in several splits, where the protocol forbids it; else None.
    """

    source: GraphSource
    confirm: Measure | None = None
    local_probe: Measure | None = None
    features: Callable[[PackedGraphs], Mapping[str, FeatureTable]] | None = None
    reported: Collection[str] = ()
    shared_entities: Count | None = None


def open_task(config: Config) -> Task:
    """The configured domain; the user's files are read here, before anything is written.

    Raises:
        DataError: If the user's files are malformed.
    """
    return TASKS[config.domain](config)


def _planning(config: Config) -> Task:
    from nsm.data.planning.confirm import confirmed_share
    from nsm.data.planning.local_probe import local_probe
    from nsm.data.planning.source import PlanningSource

    source = PlanningSource(config.planning, config.seed)
    domains = {family: source.domain(family) for family in source.families}
    if source.user is not None and config.planning.plan_source == "files":
        source.user.stories  # noqa: B018 - a wrong plan is told before anything is built

    def confirm(graphs: PackedGraphs) -> float:
        return confirmed_share(graphs, domains)

    return Task(source, confirm, local_probe)


def _kg(config: Config) -> Task:
    from nsm.data.kg.confirm import confirmed_share, crossing_entities
    from nsm.data.kg.query_probes import REPORTED, query_features
    from nsm.data.kg.source import KgSource, graph_files

    source = KgSource(config.kg, config.seed)
    names = [graph.name for graph in source.graphs]  # a wrong line is told before anything is built
    files = dict(zip(names, graph_files(config.kg), strict=True))

    def confirm(graphs: PackedGraphs) -> float:
        return confirmed_share(graphs, files)

    is_inductive = config.kg.inductive is not None
    return Task(
        source,
        confirm,
        features=query_features,
        reported=REPORTED,
        shared_entities=crossing_entities if is_inductive else None,
    )


TASKS: dict[str, Callable[[Config], Task]] = {"planning": _planning, "kg": _kg}
"""How each domain is opened."""
