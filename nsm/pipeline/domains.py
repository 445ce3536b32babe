"""What each domain brings: a source of graphs, and the two measures of the audit that only it can define."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.build import GraphSource
    from nsm.data.packed import PackedGraphs

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


def _causal(config: Config) -> Task:
    from nsm.data.causal.confirm import confirmed_share
    from nsm.data.causal.network_confirm import confirmed_network_share
    from nsm.data.causal.network_source import NetworkSource
    from nsm.data.causal.shipped import network_file
    from nsm.data.causal.source import CausalSource

    settings = config.causal
    file = network_file(settings.network) if settings.network is not None else settings.bif
    if file is None:
        return Task(CausalSource(settings, config.seed), confirmed_share)
    source = NetworkSource(settings, file, config.seed)

    def confirm(graphs: PackedGraphs) -> float:
        return confirmed_network_share(graphs, source.network)

    source.schema  # noqa: B018 - a wrong file is told before anything is built
    return Task(source, confirm)


TASKS: dict[str, Callable[[Config], Task]] = {"planning": _planning, "causal": _causal}
"""How each domain is opened."""
