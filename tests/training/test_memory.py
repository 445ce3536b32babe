"""Memory that runs out: smaller parts, the same step."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nsm.data.batch import GraphBatch
from nsm.data.packed import PackedGraphs
from nsm.errors import RunError
from nsm.nn.recomputation import is_out_of_memory
from nsm.training.checkpoints import load_checkpoint
from nsm.training.memory import MicroBatches
from tests.training.test_trainer import Notices
from tests.training.toy_graphs import running_out, toy_trainer


@pytest.mark.parametrize("accumulate", [2, 3, 16])
def test_a_batch_in_parts_gives_the_same_training(graphs: PackedGraphs, tmp_path: Path, accumulate: int) -> None:
    whole, parted = (toy_trainer(graphs, tmp_path, epochs=2, accumulate=count) for count in (1, accumulate))
    sizes: set[int] = set()
    parted.model.register_forward_pre_hook(lambda _, inputs: sizes.add(inputs[0].num_graphs))
    for trainer in (whole, parted):
        trainer.fit()
    assert max(sizes) == -(-16 // accumulate)
    for one, other in zip(whole.history, parted.history, strict=True):
        assert other.metrics == pytest.approx(one.metrics, rel=1e-4, abs=1e-6)
        assert other.step == one.step


def test_memory_that_runs_out_halves_the_part_and_keeps_the_batch(graphs: PackedGraphs, tmp_path: Path) -> None:
    whole = toy_trainer(graphs, tmp_path, epochs=2)
    whole.fit()
    notices = Notices()
    trainer = toy_trainer(graphs, tmp_path, notices, epochs=2)
    with running_out(trainer.model, above=5):
        assert trainer.fit().epochs == 2
    for one, other in zip(whole.history, trainer.history, strict=True):
        assert other.metrics == pytest.approx(one.metrics, rel=1e-4, abs=1e-6)
    assert [text.split(";")[0] for text in notices.texts] == [
        "out of memory with 16 graphs at a time: going on with 8",
        "out of memory with 8 graphs at a time: going on with 4",
    ]
    assert [line["resources"]["micro_batch"] for line in trainer.run.read_history()] == [4, 4]
    assert load_checkpoint(trainer.run.last)["micro_batch"] == 4


def test_memory_for_not_even_one_graph(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path)
    with running_out(trainer.model, above=0), pytest.raises(RunError, match="only one graph is computed at a time"):
        trainer.fit()


def test_what_says_that_memory_is_used_up() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)  # what torch itself raises on the processor
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError())
    assert not is_out_of_memory(RuntimeError("shapes differ"))
    assert not is_out_of_memory(ValueError("can't allocate memory"))


def test_parts_cover_the_batch_in_order_and_begin_again(graphs: PackedGraphs) -> None:
    batch = graphs.batch(range(10))
    seen: list[list[int]] = []

    def compute(part: GraphBatch, first: int) -> int:
        assert part.index[0] == batch.index[first]
        if part.num_graphs > 3:
            raise MemoryError
        seen[-1] += part.index.tolist()
        return part.num_graphs

    micro = MicroBatches()
    assert micro.map(batch, compute, lambda: seen.append([])) == [3, 3, 3, 1]
    assert seen == [[], [], batch.index.tolist()]  # with 10, with 5, with 3 at a time
    assert micro.map(graphs.batch(range(2)), compute, lambda: seen.append([])) == [2]


def test_another_error_is_not_caught(graphs: PackedGraphs) -> None:
    def compute(_: GraphBatch, __: int) -> None:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        MicroBatches().map(graphs.batch(range(2)), compute)


def test_all_processes_begin_again_if_one_has_to(graphs: PackedGraphs) -> None:
    votes: list[bool] = []

    def another_ran_out(claim: bool) -> bool:
        votes.append(claim)
        return len(votes) == 1

    micro = MicroBatches()
    found = micro.map(graphs.batch(range(4)), lambda part, _: part.num_graphs, any_process=another_ran_out)
    assert (found, votes) == ([2, 2], [False, False])
