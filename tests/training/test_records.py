"""Records: what is best, what is summed, what goes into files."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsm.runs import Run
from nsm.training.records import (
    EpochRecord,
    Position,
    TrainResult,
    gradient_means,
    gradient_sums,
    history_columns,
    train_metrics,
)

SCORES = st.tuples(st.sampled_from([0.0, 0.5, 0.75, 1.0]), st.sampled_from([0.1, 0.2, 0.7]))


@given(scores=st.lists(SCORES, min_size=1, max_size=12))
def test_the_best_is_the_first_of_the_most_accurate_with_the_lowest_loss(scores: list[tuple[float, float]]) -> None:
    position, improved = Position(), []
    for epoch, (accuracy, loss) in enumerate(scores, start=1):
        position.epoch = epoch
        if position.is_improved_by(accuracy, loss):
            improved.append(epoch)
    ranks = [(accuracy, -loss) for accuracy, loss in scores]
    best = ranks.index(max(ranks)) + 1
    assert improved[0] == 1
    assert improved[-1] == best == position.best_epoch
    assert (position.best_val_acc, position.best_val_loss) == scores[best - 1]
    assert position.stale == len(scores) - best


def test_a_loss_that_is_no_number_is_no_improvement() -> None:
    position = Position(epoch=1)
    assert position.is_improved_by(0.5, 0.3)
    assert not position.is_improved_by(0.5, float("nan"))
    assert (position.best_val_loss, position.stale) == (0.3, 1)


def test_sums_of_an_epoch() -> None:
    position = Position()
    position.add({"loss": 1.5, "graphs": 2})
    position.add({"loss": 0.5, "graphs": 3, "cycle": 4.0})
    assert position.sums == {"loss": 2.0, "graphs": 5, "cycle": 4.0}
    assert Position().sums == {}  # each its own


def test_what_depends_on_the_machine_does_not_count() -> None:
    record = EpochRecord(1, 9, {"train_loss": 0.5}, is_best=True, resources={"seconds": 1.0})
    assert record == EpochRecord(1, 9, {"train_loss": 0.5}, is_best=True, resources={"seconds": 2.0})
    assert record != EpochRecord(1, 9, {"train_loss": 0.4}, is_best=True)
    assert record != EpochRecord(1, 9, {"train_loss": 0.5})
    with pytest.raises(FrozenInstanceError):
        record.epoch = 2  # type: ignore[misc]


def test_a_line_of_the_history_gives_the_record_back() -> None:
    record = EpochRecord(3, 27, {"train_loss": 0.25, "val_acc": 1.0}, is_best=True, resources={"seconds": 1.5})
    again = EpochRecord(**json.loads(json.dumps(record.to_json())))
    assert again == record
    assert again.resources == record.resources


def test_a_result_as_plain_values(tmp_path: Path) -> None:
    result = TrainResult(Run(tmp_path / "one"), 5, 4, 0.75, 1.25, interrupted=False)
    assert json.loads(json.dumps(result.to_json())) == {
        "run": str(tmp_path / "one"),
        "epochs": 5,
        "best_epoch": 4,
        "best_val_acc": 0.75,
        "seconds": 1.25,
        "interrupted": False,
    }


def test_the_best_can_be_forgotten() -> None:
    position = Position(epoch=4, stale=2)
    position.is_improved_by(0.9, 0.1)
    position.forget_best()
    assert position == Position(epoch=4)
    assert position.is_improved_by(0.1, 5.0)


def test_metrics_are_means_over_graphs() -> None:
    sums = {"graphs": 4, "loss": 2.0, "task": 1.0, "correct": 3, "grad_norm": 6.0, "steps": 3}
    expected = {"train_loss": 0.5, "train_task_loss": 0.25, "train_acc": 0.75, "grad_norm": 2.0}
    assert train_metrics(sums) == expected
    with_cycle = train_metrics({**sums, "cycle": 1.0, "cycle_graphs": 2})
    assert with_cycle == {**expected, "train_cycle_loss": 0.5}
    read = train_metrics({**sums, "cycle": 1.0, "decode": 3.0, "cycle_graphs": 2})
    assert read == {**with_cycle, "train_decode_loss": 1.5}  # a mean over the graphs that were rebuilt
    more = train_metrics({**sums, "auxiliary": 1.0, "balance": 2.0})
    assert more == {**expected, "train_auxiliary_loss": 0.25, "train_balance_loss": 0.5}


def test_columns_have_nothing_where_an_epoch_lacks_a_metric() -> None:
    history = [EpochRecord(1, 9, {"train_loss": 0.5}), EpochRecord(2, 18, {"train_loss": 0.4, "val_acc": 1.0})]
    assert history_columns(history) == {"epoch": [1, 2], "train_loss": [0.5, 0.4], "val_acc": [None, 1.0]}


def test_norms_of_gradients_are_means_over_the_steps_that_were_taken() -> None:
    position = Position()
    for norm in (1.0, float("inf"), 2.0):
        position.add({"graphs": 2, "loss": 1.0, "task": 1.0, "correct": 1} | gradient_sums(norm, {"a.b": norm / 3}))
    assert gradient_means(position.sums) == {"a.b": 0.5}
    assert train_metrics(position.sums)["grad_norm"] == 1.5
    assert gradient_means({"graphs": 2}) == {}
