"""Progress: bars in a terminal, plain lines elsewhere, nothing on standard output."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from nsm.data.packed import PackedGraphs
from nsm.training import Trainer
from nsm.training.progress import PartsBar, TrainingProgress
from tests.training.test_trainer import AtStep, request_stop
from tests.training.toy_graphs import toy_trainer


def plain() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, width=200), stream


def terminal() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, width=200, force_terminal=True), stream


def test_one_line_for_each_epoch(graphs: PackedGraphs, tmp_path: Path) -> None:
    console, stream = plain()
    trainer = toy_trainer(graphs, tmp_path, TrainingProgress(console), eval_every=2)
    trainer.fit()
    first, *lines = stream.getvalue().splitlines()
    assert first == "computing on the processor with 1 thread, 32-true (accelerator is 'cpu')"
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert ["val acc" in line for line in lines] == [False, True, True]
    assert f"(majority {trainer.majority:.3f})" in lines[1]
    assert all("graphs/s" in line for line in lines)
    assert ["left" in line for line in lines] == [True, True, False]


def test_bars_in_a_terminal(graphs: PackedGraphs, tmp_path: Path) -> None:
    console, stream = terminal()
    toy_trainer(graphs, tmp_path, TrainingProgress(console)).fit()
    text = stream.getvalue()
    assert "batches" in text
    assert "epochs" in text
    assert "best val acc" in text
    assert text.endswith("\x1b[?25h") or "\x1b[?25h" in text  # the cursor is shown again


def test_where_the_state_is_after_a_stop(graphs: PackedGraphs, tmp_path: Path) -> None:
    console, stream = plain()
    trainer = toy_trainer(graphs, tmp_path, TrainingProgress(console), AtStep(2, request_stop))
    trainer.fit()
    assert stream.getvalue().splitlines()[-1] == (
        f"stopped; the state so far is in {trainer.run.last}; go on with: nsm train --resume {trainer.run.folder}"
    )


def test_where_the_state_is_after_an_error(graphs: PackedGraphs, tmp_path: Path) -> None:
    def fail(_: Trainer) -> None:
        raise KeyboardInterrupt

    for step, is_told in ((2, False), (7, True)):  # before the first checkpoint there is nothing to go on with
        console, stream = plain()
        trainer = toy_trainer(graphs, tmp_path, TrainingProgress(console), AtStep(step, fail))
        with pytest.raises(KeyboardInterrupt):
            trainer.fit()
        assert (f"nsm train --resume {trainer.run.folder}" in stream.getvalue()) is is_told


def test_standard_output_stays_empty(graphs: PackedGraphs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with PartsBar("building") as bar:
        bar(1, 1, "graphs")
    toy_trainer(graphs, tmp_path, TrainingProgress(), epochs=1).fit()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "building: graphs, 1 of 1" in captured.err


def test_parts_without_a_terminal_are_told_at_each_half() -> None:
    console, stream = plain()
    with PartsBar("building", console) as bar:
        for done in range(11):
            bar(done, 10, "graphs")
        bar(1, 1, "writing")
    assert stream.getvalue().splitlines() == [
        "building: graphs, 0 of 10",
        "building: graphs, 5 of 10",
        "building: graphs, 10 of 10",
        "building: writing, 1 of 1",
    ]


def test_parts_in_a_terminal() -> None:
    console, stream = terminal()
    with PartsBar("building", console) as bar:
        bar(3, 10, "graphs")
    assert "3/10" in stream.getvalue()
