"""Triples, the vocabulary they are written in, and a sample: one small graph with its label and evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.errors import DataError

__all__ = ["Evidence", "Info", "Sample", "Schema", "Triple"]

Info = dict[str, "str | int | float"]
IntArray = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Triple:
    """One statement: head, relation, tail (RDF: subject, predicate, object), held with a confidence.

    Args:
        head: Name of the node that the relation starts from.
        relation: Name of the relation.
        tail: Name of the node that it points to.
        confidence: Strength of the statement, in [0, 1].
        level: Level of abstraction, 1 = concrete.
    """

    head: str
    relation: str
    tail: str
    confidence: float = 1.0
    level: int = 1


@dataclass(frozen=True)
class Schema:
    """The vocabularies of a data set, fixed when it is built; an id is a position in one of these tuples.

    Args:
        domain: Name of the domain, for example ``planning``.
        node_types: Names of the node types (at most 256).
        roles: Names of the roles a node can have in the query (at most 256); index 0 is ``none``.
        relations: Names of the relations (at most 32,767).
        labels: Names of the classes.
        values: Names of the numeric node features; may be empty.
        order_channels: Even number of sinusoidal channels for a node's order, 0 where nothing is ordered.

    Raises:
        DataError: If a vocabulary is empty, too large or names something twice.
    """

    domain: str
    node_types: tuple[str, ...]
    roles: tuple[str, ...]
    relations: tuple[str, ...]
    labels: tuple[str, ...]
    values: tuple[str, ...] = ()
    order_channels: int = 32

    def __post_init__(self) -> None:
        limits = {"node_types": 256, "roles": 256, "relations": 32767, "labels": 32767, "values": 32767}
        for name, limit in limits.items():
            words = getattr(self, name)
            if len(set(words)) != len(words):
                raise DataError(f"schema {self.domain!r}: {name} names something twice: {words}")
            if not (0 if name == "values" else 1) <= len(words) <= limit:
                raise DataError(f"schema {self.domain!r}: expected 1 to {limit} {name}, got {len(words)}")
        if self.roles[0] != "none":
            raise DataError(f"schema {self.domain!r}: the first role must be 'none', got {self.roles[0]!r}")
        if self.order_channels < 0 or self.order_channels % 2:
            raise DataError(f"schema {self.domain!r}: order_channels must be even, got {self.order_channels}")

    @property
    def in_channels(self) -> int:
        """Width of the node feature matrix ``x``."""
        return len(self.node_types) + len(self.roles) + self.order_channels + len(self.values)

    def to_json(self) -> dict[str, Any]:
        """The schema as a JSON object."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Schema:
        """The inverse of `to_json`."""
        words: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()
        }
        return cls(**words)


@dataclass(frozen=True)
class Evidence:
    """What decides the label of one graph; explanations are scored against it, models never see it.

    Args:
        nodes: Local node ids, 0 to N-1.
        triples: Positions in the edge order of that graph, 0 to E-1.
    """

    nodes: tuple[int, ...] = ()
    triples: tuple[int, ...] = ()


@dataclass
class Sample:
    """One labelled graph of triples, with local node ids 0 to N-1 and ids from a `Schema`.

    Args:
        node_type: Node types, ``(N,)``, N at least 1.
        role: Roles in the query, ``(N,)``, 0 = none.
        order: Position in a sequence (the step of a plan), ``(N,)``, -1 = none.
        value: Numeric node features, ``(N, V)``.
        head: Node that each triple starts from, ``(E,)``; E may be 0.
        relation: Relations, ``(E,)``.
        tail: Node that each triple points to, ``(E,)``.
        label: Class.
        group: The problem, scenario or graph it came from; a group never crosses a split.
        confidence: Strengths in [0, 1], ``(E,)``; all 1 if left empty.
        level: Levels of abstraction, ``(E,)``; all 1 if left empty.
        names: N node names for display, never an input.
        evidence_nodes: Nodes that decide the label.
        evidence_triples: Triples that decide the label, as indices into this sample's triples.
        info: Columns of the data set's table; every sample of a source has the same keys. ``family`` is the
            stratum of the splits; ``split`` pins a sample to ``train``, ``val`` or ``test``; samples of one
            ``pair`` stay or go together.
        source: Provenance (JSON text), for display and independent confirmation only.
    """

    node_type: IntArray
    role: IntArray
    order: IntArray
    value: FloatArray
    head: IntArray
    relation: IntArray
    tail: IntArray
    label: int
    group: str
    confidence: FloatArray = field(default_factory=lambda: np.empty(0, np.float32))
    level: IntArray = field(default_factory=lambda: np.empty(0, np.uint8))
    names: list[str] = field(default_factory=list)
    evidence_nodes: tuple[int, ...] = ()
    evidence_triples: tuple[int, ...] = ()
    info: Info = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        if not len(self.confidence):
            self.confidence = np.ones(len(self.head), np.float32)
        if not len(self.level):
            self.level = np.ones(len(self.head), np.uint8)

    @property
    def num_nodes(self) -> int:
        """Number of nodes N."""
        return len(self.node_type)

    @property
    def num_triples(self) -> int:
        """Number of triples E."""
        return len(self.head)

    def triples(self, schema: Schema) -> list[Triple]:
        """The triples by name, in this sample's order; nodes without a name are called ``type_id``."""
        names = self.names or [f"{schema.node_types[kind]}_{i}" for i, kind in enumerate(self.node_type)]
        columns = (self.head, self.relation, self.tail, self.confidence, self.level)
        return [
            Triple(names[h], schema.relations[r], names[t], float(c), int(level))
            for h, r, t, c, level in zip(*columns, strict=True)
        ]

    def check(self, schema: Schema) -> None:
        """Checks shapes and ranges against the schema.

        Raises:
            DataError: Naming the group, what was expected and what came.
        """
        if self.num_nodes < 1:
            raise DataError(f"a sample of group {self.group!r} has no nodes")
        self._check_shapes(len(schema.values))
        for name, (low, high) in self._limits(schema).items():
            found = np.asarray(getattr(self, name))
            is_inside = (found >= low) & (found <= high)  # false for NaN
            if not is_inside.all():
                self._fail(f"{name} in [{low}, {high}]", found[~is_inside].flat[0])
            if name != "confidence" and found.size and found.dtype.kind not in "iub":
                self._fail(f"integers as {name}", found.dtype)
        if not np.isfinite(self.value).all():
            self._fail("finite values", "NaN or infinity")

    def _check_shapes(self, num_values: int) -> None:
        n, e = self.num_nodes, self.num_triples
        shapes = {"node_type": (n,), "role": (n,), "order": (n,), "value": (n, num_values)}
        shapes |= dict.fromkeys(("head", "relation", "tail", "confidence", "level"), (e,))
        for name, shape in shapes.items():
            if np.shape(getattr(self, name)) != shape:
                self._fail(f"{name} of shape {shape}", np.shape(getattr(self, name)))
        if len(self.names) not in (0, n):
            self._fail(f"{n} names or none", len(self.names))

    def _limits(self, schema: Schema) -> dict[str, tuple[int, int]]:
        """The lowest and the highest number allowed in each column."""
        last_node, last_triple = self.num_nodes - 1, self.num_triples - 1
        return {
            "node_type": (0, len(schema.node_types) - 1),
            "role": (0, len(schema.roles) - 1),
            "order": (-1, 32767 if schema.order_channels else -1),
            "head": (0, last_node),
            "tail": (0, last_node),
            "relation": (0, len(schema.relations) - 1),
            "confidence": (0, 1),
            "level": (0, 255),
            "label": (0, len(schema.labels) - 1),
            "evidence_nodes": (0, last_node),
            "evidence_triples": (0, last_triple),
        }

    def _fail(self, expected: str, got: object) -> None:
        raise DataError(f"a sample of group {self.group!r}: expected {expected}, got {got}")
