"""A source of odd graphs: single nodes, no edges, self-loops, parallel edges, components, stars, cycles."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nsm.data.triples import Sample, Schema
from nsm.errors import DataError

SCHEMA = Schema(
    domain="odd",
    node_types=("fact", "object", "step"),
    roles=("none", "initial", "goal"),
    relations=("needs", "adds", "next", "near"),
    labels=("invalid", "valid"),
    values=("weight", "leak"),
    order_channels=8,
)

Edges = list[tuple[int, int]]

SHAPES: dict[str, Callable[[int], tuple[int, Edges]]] = {
    "single node": lambda _: (1, []),
    "no edges": lambda n: (n, []),
    "single edge": lambda _: (2, [(0, 1)]),
    "self-loop": lambda _: (1, [(0, 0)]),
    "parallel edges": lambda n: (3, [(0, 1)] * n + [(1, 2)]),
    "components": lambda n: (2 * n, [(i, (i + 2) % (2 * n)) for i in range(2 * n)]),
    "star": lambda n: (n, [(0, i) for i in range(1, n)]),
    "cycle": lambda n: (n, [(i, (i + 1) % n) for i in range(n)]),
}


def odd_sample(number: int) -> Sample:
    """Graph ``number``: its shape, size, features and evidence are a pure function of the number."""
    random = np.random.default_rng(number)
    nodes, edges = list(SHAPES.values())[number % len(SHAPES)](int(random.integers(3, 9)))
    head, tail = np.array(edges, np.int64).reshape(-1, 2).T
    return Sample(
        node_type=random.integers(0, 3, nodes),
        role=random.integers(0, 3, nodes),
        order=random.integers(-1, 6, nodes),
        value=random.normal(size=(nodes, 2)).astype(np.float32),
        head=head,
        relation=random.integers(0, 4, len(edges)),
        tail=tail,
        confidence=random.uniform(0.1, 1.0, len(edges)).astype(np.float32),
        level=random.integers(1, 3, len(edges)),
        label=int(random.integers(2)),
        group=f"problem {number // 2}",
        names=[f"node {i} of {number}" for i in range(nodes)],
        evidence_nodes=tuple(random.permutation(nodes)[: number % 3].tolist()),
        evidence_triples=tuple(random.permutation(len(edges))[: number % 4].tolist()),
        info={"family": list(SHAPES)[number % len(SHAPES)], "number": number},
        source=f'{{"number": {number}}}',
    )


def permuted(sample: Sample, random: np.random.Generator) -> Sample:
    """The same graph with its nodes and its triples in another order."""
    nodes, edges = random.permutation(sample.num_nodes), random.permutation(sample.num_triples)
    place = np.argsort(nodes)
    moved: dict[str, Any] = {name: getattr(sample, name)[nodes] for name in ("node_type", "role", "order", "value")}
    moved |= {name: getattr(sample, name)[edges] for name in ("relation", "confidence", "level")}
    return Sample(
        **moved,
        head=place[sample.head][edges],
        tail=place[sample.tail][edges],
        label=sample.label,
        group=sample.group,
        info=dict(sample.info),
    )


@dataclass(frozen=True)
class OddSource:
    """Odd graphs in shards of equal size.

    Args:
        count: Number of graphs.
        per_shard: Graphs in a shard.
        fault: What the shard ``fault_at`` does instead: ``error``, ``interrupt`` or ``die``.
        fault_at: Number of the shard that fails.
        calls: A file that grows by one byte for each shard made.
    """

    count: int = 64
    per_shard: int = 10
    fault: str = ""
    fault_at: int = 2
    calls: Path | None = None

    schema = SCHEMA
    split_shares = (0.6, 0.2, 0.2)

    def key(self) -> dict[str, Any]:
        return {"count": self.count, "per_shard": self.per_shard}

    def shards(self) -> list[int]:
        return list(range(-(-self.count // self.per_shard)))

    def make(self, shard: int) -> list[Sample]:
        if self.calls is not None:
            with self.calls.open("ab") as file:
                file.write(b".")
        if shard == self.fault_at and self.fault == "error":
            raise DataError("expected an integer", file="facts.tsv", line=7, hint="correct it")
        if shard == self.fault_at and self.fault == "interrupt":
            signal.raise_signal(signal.SIGINT)
        if shard == self.fault_at and self.fault == "die":
            os._exit(1)
        numbers = range(shard * self.per_shard, min((shard + 1) * self.per_shard, self.count))
        return [odd_sample(number) for number in numbers]


@dataclass(frozen=True)
class ListSource:
    """Given samples, one shard each."""

    samples: tuple[Sample, ...]
    name: str = "list"

    schema = SCHEMA
    split_shares = (0.6, 0.2, 0.2)

    def key(self) -> dict[str, Any]:
        return {"name": self.name}

    def shards(self) -> list[int]:
        return list(range(len(self.samples)))

    def make(self, shard: int) -> list[Sample]:
        return [self.samples[shard]]
