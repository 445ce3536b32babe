"""Batches of an epoch, in an order that is a pure function of the seed and the epoch.

Twins come one after the other, so that a step learns from the difference between them: what they share pulls neither
way. Where no graph has a twin, each graph has a place of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
import numpy.typing as npt

from nsm.data.batch import GraphBatch
from nsm.data.packed import PackedGraphs
from nsm.errors import DataError

__all__ = ["BatchLoader"]

MOST_AT_ONCE, EDGES_AT_ONCE = 8, 50_000  # batches, and edges, that are gathered together


class BatchLoader:
    """Iterates over the batches of an epoch; an epoch can be entered at any batch.

    With several processes each batch is divided between them: all make the same number of steps, and together
    they see what one process would see. A last batch with fewer graphs than there are processes joins the one
    before.

    Args:
        graphs: The graphs of a split.
        batch_size: Number of graphs in a batch, all processes together.
        shuffle: Whether each epoch has an order of its own; otherwise it is that of ``graphs``.
        seed: Seed of the order.
        rank: Number of this process, 0 to world_size - 1.
        world_size: Number of processes.
        prefetch: Whether a thread prepares the next batch while this one is used.

    Raises:
        DataError: If there are fewer graphs than processes.
        ValueError: If batch_size, rank or world_size is out of range.
    """

    def __init__(
        self,
        graphs: PackedGraphs,
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        prefetch: bool = False,
    ) -> None:
        if not 0 <= rank < world_size <= batch_size:
            raise ValueError(f"expected 0 <= rank < world_size <= batch_size, got {rank}, {world_size}, {batch_size}")
        if len(graphs) < world_size:
            raise DataError(f"expected at least {world_size} graphs, one per process, got {len(graphs)}")
        self.graphs, self.batch_size, self.shuffle, self.seed = graphs, batch_size, shuffle, seed
        self.rank, self.world_size, self.prefetch = rank, world_size, prefetch
        starts = np.arange(0, len(graphs), batch_size)
        if len(starts) > 1 and len(graphs) - starts[-1] < world_size:
            starts = starts[:-1]
        self._bounds = np.append(starts, len(graphs))

    def __len__(self) -> int:
        """Number of batches of an epoch, the same in every process."""
        return len(self._bounds) - 1

    def __iter__(self) -> Iterator[GraphBatch]:
        """The batches of epoch 0."""
        return self.epoch(0)

    def num_graphs(self, number: int) -> int:
        """Number of graphs in a batch, all processes together; a loss is divided by it."""
        return int(self._bounds[number + 1] - self._bounds[number])

    def order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The positions of all graphs in the order of an epoch, ``(G,)``."""
        if not self.shuffle:
            return np.arange(len(self.graphs), dtype=np.int64)
        draw = np.random.Generator(np.random.PCG64([self.seed, epoch])).random(2 * len(self.graphs))
        among_pairs, within_pair = np.split(draw, 2)
        return np.lexsort((within_pair, among_pairs[self._pairs])).astype(np.int64)

    @cached_property
    def _pairs(self) -> npt.NDArray[np.int64]:
        """The number of each graph's pair, its own where the data set has no column ``pair``; ``(G,)``."""
        if "pair" not in self.graphs.table.column_names:
            return np.arange(len(self.graphs), dtype=np.int64)
        column = self.graphs.table["pair"].combine_chunks().dictionary_encode()
        return np.asarray(column.indices, dtype=np.int64)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[GraphBatch]:
        """The batches of an epoch, from batch number ``start`` on."""
        order = self.order(epoch)
        spans = zip(self._bounds[start:-1], self._bounds[start + 1 :], strict=True)
        chosen = [order[low:high][self.rank :: self.world_size] for low, high in spans]
        groups = [chosen[i : i + self._at_once] for i in range(0, len(chosen), self._at_once)]
        for batches in self._ahead(groups) if self.prefetch else map(self.graphs.batches, groups):
            yield from batches

    @cached_property
    def _at_once(self) -> int:
        """How many batches are gathered together: more take less time for each, until they leave the cache."""
        edges = self.batch_size * self.graphs.mean_edges / self.world_size
        return max(1, min(MOST_AT_ONCE, int(EDGES_AT_ONCE / max(edges, 1))))

    def _ahead(self, groups: list[list[npt.NDArray[np.int64]]]) -> Iterator[list[GraphBatch]]:
        """Gathers one group ahead in a thread, which ends with the iteration, however that ends."""
        with ThreadPoolExecutor(max_workers=1) as thread:
            pending = deque(thread.submit(self.graphs.batches, group) for group in groups[:1])
            for group in groups[1:]:
                pending.append(thread.submit(self.graphs.batches, group))
                yield pending.popleft().result()
            if pending:
                yield pending.popleft().result()
