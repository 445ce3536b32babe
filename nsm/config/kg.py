"""What can be configured of a knowledge graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from nsm.config.base import DomainConfig, FolderPath, conflict, given_value

__all__ = ["KgConfig", "kg_defaults"]


class KgConfig(DomainConfig):
    """The knowledge graph: which facts, and how much around each of them is seen.

    Attributes:
        dataset: A bundled graph; not used with ``graph``.
        graph: Folder with ``train``, ``valid`` and ``test`` (``.txt`` or ``.tsv``), in place of the bundled graph.
        inductive: A second such folder of other entities: its training facts are the graph that is tested on, and its
            test facts the queries.
        graphs: Most graphs to make, true and false facts together; 70 % for training, 10 % and 20 % for the others.
        hops: Largest distance of a node from head and from tail.
        max_nodes: Most entities around a fact, head and tail included.
        clutrr: Folder with CLUTRR's stories (``*_train.csv`` and ``*_test.csv``), in place of a graph.
        ranking: Whether to train a link scorer as well, which ranks entities; not with ``clutrr``.
        rank_epochs: Passes over the distinct queries in which it is trained.
        rank_layers: How far its messages run.
        rank_channels: Features per entity and query.
    """

    dataset: Literal["umls", "nations", "kinships"] = "umls"
    graph: FolderPath | None = None
    inductive: FolderPath | None = None
    graphs: Annotated[int, Field(ge=20)] = 6_000
    hops: Annotated[int, Field(ge=1, le=6)] = 2
    max_nodes: Annotated[int, Field(ge=2, le=256)] = 12
    clutrr: FolderPath | None = None
    ranking: bool = True
    rank_epochs: Annotated[int, Field(ge=1)] = 3
    rank_layers: Annotated[int, Field(ge=1, le=16)] = 4
    rank_channels: Annotated[int, Field(ge=4)] = 32

    @property
    def has_ranking(self) -> bool:
        """Whether there is a graph, and something to rank."""
        return self.ranking and self.clutrr is None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.inductive is not None and self.graph is None:
            raise conflict("inductive", "the graph to train on is missing: set kg.graph as well")
        if self.clutrr is not None and self.graph is not None:
            raise conflict("clutrr", "stories and a graph cannot be trained on together: set one of them only")
        return self


def kg_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults of a training on a knowledge graph in place of the general ones.

    Args:
        given: What was configured. Stories are few and without noise, so they are seen more often, and facts have to
            travel far along their chains, so most blocks come after the way down.

    Example:
        >>> kg_defaults({"kg": {"clutrr": "stories"}})["epochs"], kg_defaults({})["epochs"]
        (60, 12)
    """
    found = {
        "epochs": 12,
        "learning_rate": 2e-3,
        "average_share": 0.0,
        "num_levels": 3,
        "blocks": 2,
        "message_norm": "sqrt",
        "cycle_weight": 1.0,
        "cycle_every": 1,
    }
    of_stories = {"epochs": 60, "learning_rate": 4e-3, "num_levels": 2, "blocks": 1, "refine_blocks": 4}
    return {**found, **of_stories} if given_value(given, "kg", "clutrr") is not None else found
