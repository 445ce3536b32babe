"""An oracle of your own: in a town of one-way streets, does a way lead from the start to the place that is asked about?

Twins are one town and two places, of as many streets in and out, none of them to or from the start: no count tells.
"""

import numpy as np
from scipy import sparse

from nsm import Config, PackedGraphs
from nsm.data.triples import Sample, Schema
from nsm.pipeline import Task


class Towns:
    """Makes the graphs; `key` has what determines them, beside the code of this file."""

    schema = Schema("towns", ("place",), ("none", "start", "query"), ("leads",), ("no", "yes"), order_channels=0)
    split_shares = (0.7, 0.1, 0.2)

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def key(self) -> dict[str, int]:
        return {"seed": self.seed}

    def shards(self) -> list[range]:
        return [range(first, first + 100) for first in range(0, 1000, 100)]

    def make(self, shard: range) -> list[Sample]:
        return [ask(number, twin, np.random.default_rng((self.seed, number))) for number in shard for twin in (0, 1)]


def ask(number: int, twin: int, rng: np.random.Generator) -> Sample:
    """Draws towns until one has two such places, and asks about one of them."""
    pairs = np.zeros((0, 2), np.int64)
    while not len(pairs):
        size = int(rng.integers(8, 15))
        street = (rng.random((size, size)) < 1.5 / size) & ~np.eye(size, dtype=bool)
        is_reached = np.linalg.matrix_power(street + np.eye(size), size)[0] > 0
        is_far = ~street[0] & ~street[:, 0] & (np.arange(size) > 0)
        same = (street.sum(0) == street.sum(0)[:, None]) & (street.sum(1) == street.sum(1)[:, None])
        pairs = np.argwhere(same & (is_far & ~is_reached)[:, None] & (is_far & is_reached))
    (head, tail), role = np.nonzero(street), np.zeros(size, np.int64)
    role[[0, pairs[0, twin]]] = 1, 2
    nodes = 0 * role, role, 0 * role - 1, np.zeros((size, 0), np.float32)  # type, role, no order, no values
    return Sample(*nodes, head, 0 * head, tail, twin, str(number), info={"pair": number})


def confirmed(graphs: PackedGraphs) -> float:
    """Share of the labels that walking the stored streets gives too."""
    samples = [graphs.sample(position) for position in range(len(graphs))]
    streets = [sparse.csr_array((one.confidence, (one.head, one.tail)), (one.num_nodes,) * 2) for one in samples]
    ways = [sparse.csgraph.breadth_first_order(matrix, 0)[0] for matrix in streets]
    found = [one.role.argmax() in way for one, way in zip(samples, ways, strict=True)]
    return float(np.mean(found == graphs.labels))


def towns(config: Config) -> Task:
    return Task(Towns(config.seed), confirm=confirmed, origin="generated", licence="CC0-1.0")
