"""Random twins without any signal, for tests of the audit: one graph of either label in each group."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from nsm.data.packed import PackedGraphs
from nsm.data.triples import Sample, Schema
from nsm.data.writing import write_packed

SCHEMA = Schema(
    domain="toy",
    node_types=("fact", "object", "step"),
    roles=("none", "initial", "goal"),
    relations=("needs", "adds", "next", "leak"),
    labels=("invalid", "valid"),
    values=("weight",),
    order_channels=0,
)
LEAK = SCHEMA.relations.index("leak")

Edit = Callable[[Sample, np.random.Generator], None]


def twins(count: int, *, seed: int = 0, edit: Edit | None = None) -> list[Sample]:
    """``count`` graphs in groups of two, one of either label; ``edit`` may plant a leak in each."""
    random = np.random.default_rng(seed)
    samples = []
    for index in range(count):
        sample = random_sample(random, label=index % 2, group=f"g{index // 2}")
        sample.info = {
            "pair": f"{index // 2}",
            "family": "even" if index // 2 % 2 else "odd",
            "split": ("train", "train", "val", "test")[index // 2 % 4],
        }
        if edit is not None:
            edit(sample, random)
        samples.append(sample)
    return samples


def random_sample(random: np.random.Generator, *, label: int, group: str) -> Sample:
    """A graph of 6 to 14 nodes and twice as many edges of the first three relations."""
    nodes = int(random.integers(6, 15))
    edges = 2 * nodes
    return Sample(
        node_type=random.integers(0, 3, nodes),
        role=random.integers(0, 2, nodes),
        order=np.full(nodes, -1),
        value=random.normal(size=(nodes, 1)).astype(np.float32),
        head=random.integers(0, nodes, edges),
        relation=random.integers(0, 3, edges),
        tail=random.integers(0, nodes, edges),
        label=label,
        group=group,
        confidence=random.uniform(0.5, 1.0, edges).astype(np.float32),
    )


def add_edge(sample: Sample, relation: int) -> None:
    """Appends one edge from node 0 to node 1."""
    sample.head = np.append(sample.head, 0)
    sample.tail = np.append(sample.tail, 1)
    sample.relation = np.append(sample.relation, relation)
    sample.confidence = np.append(sample.confidence, np.float32(1))
    sample.level = np.append(sample.level, np.uint8(1))


def packed(folder: Path, samples: list[Sample]) -> PackedGraphs:
    """The samples as packed graphs in a new folder."""
    write_packed(folder, SCHEMA, samples)
    return PackedGraphs.open(folder)
