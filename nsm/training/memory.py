"""A batch in parts that fit into memory: chosen by configuration, or found when memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

import torch

from nsm.errors import RunError
from nsm.nn.recomputation import is_out_of_memory

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.batch import GraphBatch

__all__ = ["MicroBatches"]

T = TypeVar("T")


@dataclass
class MicroBatches:
    """How many graphs are computed at a time.

    Where memory runs out that number is halved, and the batch is computed again in smaller parts.

    Args:
        size: Graphs at a time, 0 for a whole batch.
        tell: Told in words when the number is halved.
    """

    size: int = 0
    tell: Callable[[str], object] = lambda _: None

    @classmethod
    def configured(cls, config: Config, tell: Callable[[str], object] = lambda _: None) -> Self:
        """Parts of such a size that there are ``accumulate`` of them in a batch."""
        return cls(-(-config.batch_size // config.accumulate) if config.accumulate > 1 else 0, tell)

    def map(
        self,
        batch: GraphBatch,
        compute: Callable[[GraphBatch, int], T],
        restart: Callable[[], object] = lambda: None,
        any_process: Callable[[bool], bool] = bool,
    ) -> list[T]:
        """Calls ``compute`` with each part of a batch and the number of its first graph in the batch.

        Args:
            batch: The graphs.
            compute: What to do with some of them.
            restart: Called before the first part, when the batch is begun again as well.
            any_process: Whether something is true of any process that computes a share of the same batch; all of
                them begin again if one has to.

        Raises:
            RunError: If there is not enough memory for one graph.
        """
        while True:
            restart()
            results = self._try(batch, compute)
            if not any_process(results is None):
                assert results is not None
                return results
            del results
            self._halve(batch.num_graphs)

    def _try(self, batch: GraphBatch, compute: Callable[[GraphBatch, int], T]) -> list[T] | None:
        """The results of all parts; None where memory ran out."""
        graphs = batch.num_graphs
        size = self.size if 0 < self.size < graphs else graphs
        try:
            if size == graphs:
                return [compute(batch, 0)]
            return [compute(batch.part(low, min(low + size, graphs)), low) for low in range(0, graphs, size)]
        except (MemoryError, RuntimeError) as failure:
            if not is_out_of_memory(failure):
                raise
        return None

    def _halve(self, graphs: int) -> None:
        # here nothing refers to the failed computation any more
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        before = min(self.size or graphs, graphs)
        if before == 1:
            hint = "lower channels, or take smaller graphs"
            raise RunError("out of memory, though only one graph is computed at a time", hint=hint)
        self.size = -(-before // 2)
        told = f"out of memory with {before} graphs at a time: going on with {self.size}"
        self.tell(f"{told}; the batch is still {graphs} graphs, computed in parts")
