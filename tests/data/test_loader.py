"""The order of batches is a pure function of seed and epoch; processes share batches exactly."""

from __future__ import annotations

import threading
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch

from nsm.data.loader import BatchLoader
from nsm.data.packed import PackedGraphs
from nsm.errors import DataError
from tests.data.twin_graphs import packed, twins


def ids(loader: BatchLoader, epoch: int = 0, start: int = 0) -> list[list[int]]:
    return [batch.index.tolist() for batch in loader.epoch(epoch, start)]


def test_an_epoch_visits_every_graph_once(odd_graphs: PackedGraphs) -> None:
    loader = BatchLoader(odd_graphs, 10)
    batches = ids(loader, 3)
    assert [len(batch) for batch in batches] == [10] * 6 + [4]
    assert sorted(chain(*batches)) == list(range(64))
    assert len(loader) == 7


def test_order_depends_on_seed_and_epoch_only(odd_graphs: PackedGraphs) -> None:
    loader = BatchLoader(odd_graphs, 10, seed=1)
    torch.manual_seed(0)
    first = ids(loader, 2)
    assert ids(loader, 3) != first
    assert ids(BatchLoader(odd_graphs, 10, seed=2), 2) != first
    torch.manual_seed(1)
    assert ids(BatchLoader(odd_graphs, 10, seed=1), 2) == first


def test_twins_are_neighbours_in_either_order(tmp_path: Path) -> None:
    loader = BatchLoader(packed(tmp_path / "packed", twins(60)), 10, seed=1)
    names = np.array(loader.graphs.table["pair"].to_pylist())
    first, second = loader.order(0).reshape(-1, 2).T
    assert (names[first] == names[second]).all()
    assert 0 < (first < second).sum() < len(first)
    assert sorted(loader.order(0)) == list(range(len(names)))
    assert not np.array_equal(names[first], names[loader.order(1)[::2]])


def test_without_shuffling_the_order_is_that_of_the_graphs(odd_graphs: PackedGraphs) -> None:
    view = odd_graphs.subset([5, 3, 60])
    assert ids(BatchLoader(view, 2, shuffle=False), 4) == [[5, 3], [60]]
    assert [batch.num_graphs for batch in BatchLoader(view, 2, shuffle=False)] == [2, 1]


@pytest.mark.parametrize("edges", [1, 10**9])
def test_an_epoch_can_be_entered_anywhere(
    odd_graphs: PackedGraphs, monkeypatch: pytest.MonkeyPatch, edges: int
) -> None:
    """However many batches are gathered at once: one, or as many as may be."""
    monkeypatch.setattr("nsm.data.loader.EDGES_AT_ONCE", edges)
    loader = BatchLoader(odd_graphs, 3, seed=1)
    whole = ids(loader, 5)
    for start in range(len(loader) + 1):
        assert ids(loader, 5, start) == whole[start:]


@pytest.mark.parametrize(("size", "batch_size", "world_size"), [(64, 10, 2), (61, 20, 4), (62, 20, 3), (3, 8, 3)])
def test_processes_divide_each_batch(odd_graphs: PackedGraphs, size: int, batch_size: int, world_size: int) -> None:
    view = odd_graphs.subset(range(size))
    ranks = [
        ids(BatchLoader(view, batch_size, seed=1, rank=rank, world_size=world_size), 2) for rank in range(world_size)
    ]
    loader = BatchLoader(view, batch_size, seed=1, world_size=world_size)
    assert {len(batches) for batches in ranks} == {len(loader)}
    order = loader.order(2)
    seen = 0
    for number, pieces in enumerate(zip(*ranks, strict=True)):
        assert all(pieces)
        together = sorted(chain(*pieces))
        assert len(together) == loader.num_graphs(number)
        assert together == sorted(view.indices[order[seen : seen + len(together)]].tolist())
        seen += len(together)
    assert seen == size


def test_prefetching_changes_nothing_and_ends(odd_graphs: PackedGraphs) -> None:
    plain, ahead = (BatchLoader(odd_graphs, 10, seed=1, prefetch=on) for on in (False, True))
    assert ids(ahead, 2) == ids(plain, 2)
    assert ids(ahead, 2, 6) == ids(plain, 2, 6)
    assert ids(ahead, 2, 7) == []
    before = threading.active_count()
    batches = ahead.epoch(0)
    next(batches)
    assert threading.active_count() == before + 1
    batches.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_an_error_in_the_thread_arrives(odd_graphs: PackedGraphs, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise DataError("damaged")

    view = odd_graphs.subset([0, 1])
    monkeypatch.setattr(view, "batches", fail)
    with pytest.raises(DataError, match="damaged"):
        next(BatchLoader(view, 1, prefetch=True).epoch(0))


@pytest.mark.parametrize(("batch_size", "rank", "world_size"), [(0, 0, 1), (4, 2, 2), (4, -1, 2), (2, 0, 3)])
def test_impossible_numbers(odd_graphs: PackedGraphs, batch_size: int, rank: int, world_size: int) -> None:
    with pytest.raises(ValueError, match="expected 0 <= rank < world_size <= batch_size"):
        BatchLoader(odd_graphs, batch_size, rank=rank, world_size=world_size)


def test_fewer_graphs_than_processes(odd_graphs: PackedGraphs) -> None:
    with pytest.raises(DataError, match="at least 4 graphs, one per process, got 3"):
        BatchLoader(odd_graphs.subset([0, 1, 2]), 4, world_size=4)
