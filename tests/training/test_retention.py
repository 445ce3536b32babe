"""Which checkpoints are written, and what a full disk does not do."""

from __future__ import annotations

import errno
import itertools
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from nsm.data.packed import PackedGraphs
from nsm.errors import RunError
from nsm.training import Trainer
from nsm.training.checkpoints import load_checkpoint
from nsm.training.retention import Retention
from tests.training.test_trainer import AtStep, equal
from tests.training.toy_graphs import continued, toy_trainer


@pytest.mark.parametrize("errno_of", ["ENOSPC", "EDQUOT"])
@pytest.mark.parametrize("at_write", [1, 2, 4])
def test_a_full_disk_leaves_everything_whole_and_the_run_goes_on(
    graphs: PackedGraphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errno_of: str, at_write: int
) -> None:
    whole = toy_trainer(graphs, tmp_path)
    whole.fit()
    trainer = toy_trainer(graphs, tmp_path)
    number, real = getattr(errno, errno_of), Path.write_bytes
    writes = itertools.count(1)

    def fill(path: Path, content: bytes) -> int:
        if next(writes) < at_write:
            return real(path, content)
        real(path, content[: len(content) // 2])
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(RunError, match=f"nothing can be written: {os.strerror(number)}") as caught:
        trainer.fit()
    assert "make room, then go on with nsm train --resume" in str(caught.value.hint)
    monkeypatch.undo()
    for path in trainer.run.checkpoints:
        load_checkpoint(path)
    assert not [path for path in trainer.run.folder.iterdir() if path.name.startswith(".")]
    again = continued(graphs, trainer)
    again.fit()
    assert again.history == whole.history
    assert equal(again.model.state_dict(), whole.model.state_dict())


@pytest.mark.needs_mount
def test_a_disk_that_is_really_full(graphs: PackedGraphs, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(small)], check=True)
    try:
        trainer = toy_trainer(graphs, small, AtStep(7, fill_up))
        with pytest.raises(RunError, match="nothing can be written: No space left on device"):
            trainer.fit()
        before = load_checkpoint(trainer.run.best)
        assert before["epoch"] == load_checkpoint(trainer.run.last)["epoch"] == 1
        (small / "planning" / "full").unlink()
        again = continued(graphs, trainer)
        assert again.fit().epochs == 3
    finally:
        subprocess.run(["umount", str(small)], check=True)
    whole = toy_trainer(graphs, tmp_path)
    whole.fit()
    assert again.history == whole.history


def fill_up(trainer: Trainer) -> None:
    """Leaves no room on the disk of the run."""
    with suppress(OSError), (trainer.run.folder.parents[1] / "full").open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))


def test_only_the_latest_numbered_ones_are_kept(graphs: PackedGraphs, tmp_path: Path) -> None:
    numbers = {}
    for keep in (0, 1, 2):
        trainer = toy_trainer(graphs, tmp_path, epochs=4, save_every=1, keep=keep)
        trainer.fit()
        numbers[keep] = sorted(path.name[-5:-3] for path in trainer.run.folder.glob("checkpoint_epoch_*.pt"))
    assert numbers == {0: ["01", "02", "03", "04"], 1: ["04"], 2: ["03", "04"]}


def test_ten_thousand_epochs_are_more_than_nine_thousand(graphs: PackedGraphs, tmp_path: Path) -> None:
    run = toy_trainer(graphs, tmp_path).run
    for epoch in (9998, 9999, 10000):
        run.epoch_checkpoint(epoch).touch()
    (run.folder / "checkpoint_epoch_mine.pt").touch()
    assert [path.name[17:-3] for path in run.checkpoints] == ["10000", "9999", "9998"]


def test_what_a_killed_process_left_undone_after_an_epoch_is_done(graphs: PackedGraphs, tmp_path: Path) -> None:
    """Killed between the last checkpoint and the numbered one, or between that and the removal of an old one."""
    trainer = toy_trainer(graphs, tmp_path, epochs=4, save_every=2, keep=1)
    trainer.fit()
    run = trainer.run
    content = run.epoch_checkpoint(4).read_bytes()
    run.epoch_checkpoint(4).rename(run.epoch_checkpoint(2))
    continued(graphs, trainer).fit()
    assert run.checkpoints == [run.last, run.best, run.epoch_checkpoint(4)]
    assert run.epoch_checkpoint(4).read_bytes() == content
    run.epoch_checkpoint(2).write_bytes(content)
    continued(graphs, trainer).fit()
    assert run.checkpoints == [run.last, run.best, run.epoch_checkpoint(4)]


def test_minutes_pass_inside_an_epoch(graphs: PackedGraphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []
    real = Retention.save

    def save(retention: Retention, trainer: Trainer) -> None:
        saved.append(trainer.position.step)
        real(retention, trainer)

    monkeypatch.setattr(Retention, "save", save)
    seconds = itertools.count(0, 60)  # each look at the clock is a minute later
    monkeypatch.setattr("nsm.training.retention.time", SimpleNamespace(monotonic=lambda: next(seconds)))
    toy_trainer(graphs, tmp_path, epochs=1, save_minutes=2).fit()
    assert saved == [2, 4]
    saved.clear()
    toy_trainer(graphs, tmp_path, epochs=1, save_minutes=0).fit()
    assert saved == []


def test_other_errors_of_the_system_are_left_as_they_are(graphs: PackedGraphs, tmp_path: Path) -> None:
    def fail(_: Trainer) -> None:
        raise PermissionError(errno.EACCES, "not yours", "elsewhere")

    with pytest.raises(PermissionError, match="not yours"):
        toy_trainer(graphs, tmp_path, AtStep(1, fail)).fit()
