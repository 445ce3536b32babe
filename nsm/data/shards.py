"""Makes the shards of a source, in this process or in several, each into a file of its own.

Nothing here imports torch, so that a worker starts quickly.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from nsm.data.hashing import content_hashes
from nsm.data.packing import EDGE_ARRAYS, EVIDENCE_ARRAYS, NODE_ARRAYS, PackedPart, offsets, pack_samples
from nsm.data.triples import Sample, Schema
from nsm.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["GraphSource", "Progress", "StoredPart", "make_parts"]

PER_GRAPH = ("label", "num_nodes", "num_edges", "num_evidence")

Array = npt.NDArray[Any]


@runtime_checkable
class GraphSource(Protocol):
    """Where the samples of a data set come from; must be picklable to be built by several processes."""

    @property
    def schema(self) -> Schema:
        """The vocabularies, fixed before the first sample is made."""
        ...

    @property
    def split_shares(self) -> tuple[float, float, float]:
        """Shares of train, val and test, unless every sample's ``info["split"]`` says where it belongs."""
        ...

    def key(self) -> Mapping[str, Any]:
        """All that determines the content, as JSON: settings, seeds, hashes of the user's files."""
        ...

    def shards(self) -> Sequence[Any]:
        """Picklable descriptions of pieces of work, in a fixed order."""
        ...

    def make(self, shard: Any) -> list[Sample]:
        """The samples of a shard: a pure function of the key and the shard."""
        ...


class Progress(Protocol):
    """Told how far a build has come; the caller draws the bar."""

    def __call__(self, done: int, total: int, what: str) -> None:
        """``done`` of ``total`` pieces of ``what`` are finished."""
        ...


@dataclass(frozen=True)
class StoredPart:
    """A packed shard in a file, read piece by piece."""

    path: Path

    def columns(self) -> dict[str, Array]:
        """What is known of each graph: ``content`` (hash), ``label`` and counts, ``(G,)`` each."""
        with np.load(self.path.with_suffix(".npz"), allow_pickle=False) as stored:
            return {name: stored[name] for name in ("content", *PER_GRAPH)}

    def table(self, columns: list[str] | None = None) -> pa.Table:
        """Group, info, names, source; or some of these columns."""
        import pyarrow.parquet as pq

        return pq.read_table(self.path.with_suffix(".parquet"), columns=columns)

    def column_names(self) -> list[str]:
        """The names of the table's columns."""
        import pyarrow.parquet as pq

        return list(pq.read_schema(self.path.with_suffix(".parquet")).names)

    def load(self) -> PackedPart:
        """The whole part."""
        names = (*NODE_ARRAYS, *EDGE_ARRAYS, *EVIDENCE_ARRAYS, *PER_GRAPH)
        with np.load(self.path.with_suffix(".npz"), allow_pickle=False) as stored:
            return PackedPart({name: stored[name] for name in names}, self.table())


def make_parts(source: GraphSource, folder: Path, workers: int, progress: Progress | None) -> list[StoredPart]:
    """Makes every shard into a file below ``folder``.

    Args:
        source: What makes the samples.
        folder: An existing folder.
        workers: Number of processes beside this one; 0 makes the shards here.
        progress: Told after each shard.

    Raises:
        NSMError: The error of a shard; the others are not made any more.
        DataError: If a process dies.
    """
    shards = source.shards()
    parts = [StoredPart(folder / f"part-{number:06d}") for number in range(len(shards))]
    report = progress if progress is not None else _silent
    report(0, len(shards), "making graphs")
    if workers == 0:
        for done, (shard, part) in enumerate(zip(shards, parts, strict=True), start=1):
            _make_part(source, shard, part)
            report(done, len(shards), "making graphs")
        return parts
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, max(len(shards), 1)), context, _start_worker, (source,))
    try:
        with _deaf_children():
            tasks = [pool.submit(_work, shard, part) for shard, part in zip(shards, parts, strict=True)]
        for done, task in enumerate(as_completed(tasks), start=1):
            task.result()
            report(done, len(shards), "making graphs")
    except BrokenProcessPool as error:
        hint = "it may have run out of memory; try fewer workers"
        raise DataError("a process that made graphs has died", hint=hint) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return parts


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes that are started here hear Ctrl-C only once `_start_worker` is there to end them silently."""
    resource_tracker.ensure_running()  # starting it would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _make_part(source: GraphSource, shard: object, part: StoredPart) -> None:
    import pyarrow.parquet as pq

    packed = pack_samples(source.schema, source.make(shard))
    arrays = packed.arrays
    content = content_hashes(arrays, offsets(arrays["num_nodes"]), offsets(arrays["num_edges"]))
    with part.path.with_suffix(".npz").open("wb") as file:
        np.savez(file, allow_pickle=False, content=content, **arrays)
    pq.write_table(packed.table, part.path.with_suffix(".parquet"), compression="none")


_sources: list[GraphSource] = []  # the source of this worker process: sent once, its caches stay warm


def _start_worker(source: GraphSource) -> None:
    # Ctrl-C reaches the whole process group: end at once, silently
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _sources[:] = [source]


def _end_with_parent() -> None:
    """Ends this process when the one that started it is gone, killed perhaps: nobody waits for its work any more."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(shard: object, part: StoredPart) -> None:
    _make_part(_sources[0], shard, part)


def _silent(done: int, total: int, what: str) -> None:
    """Nobody is watching."""
