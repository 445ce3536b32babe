from __future__ import annotations

import hashlib
import signal
import time
from pathlib import Path

import pytest

from nsm.cloud.attempts import AttemptLog, read_attempts
from nsm.cloud.keeper import Keeper
from nsm.cloud.signals import Signals
from nsm.errors import NSMError
from nsm.training import Callback
from nsm.training.checkpoints import load_checkpoint
from tests.cloud.memory import FakeVolume
from tests.training.toy_graphs import toy_graphs, toy_trainer


class ReadingVolume(FakeVolume):
    """Looks at what it is given: at each commit every checkpoint is whole."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root, self.seen = root, []

    def commit(self) -> None:
        super().commit()
        found = sorted(self.root.rglob("*.pt"))
        self.seen.append([(path.name, load_checkpoint(path)["epoch"]) for path in found])


def keeper(volume: FakeVolume, folder: Path, *, seconds: float = 1e6, every: float = 0.0) -> Keeper:
    log = AttemptLog(folder / "log.json", "L4", time.monotonic())
    return Keeper(volume, log, Signals(), deadline=time.monotonic() + seconds, every=every)


def test_each_epoch_is_committed_with_whole_files(tmp_path: Path) -> None:
    volume = ReadingVolume(tmp_path)
    kept = keeper(volume, tmp_path)
    toy_trainer(toy_graphs(tmp_path / "data"), tmp_path, kept, epochs=3).fit()
    lasts = [dict(seen).get("last.pt") for seen in volume.seen]
    assert lasts[0] is None and lasts[-1] == 3 and {1, 2, 3} <= set(lasts)
    assert len(read_attempts(tmp_path / "log.json")) == 1


def test_commits_are_not_more_frequent_than_asked(tmp_path: Path) -> None:
    volume = FakeVolume()
    toy_trainer(toy_graphs(tmp_path / "data"), tmp_path, keeper(volume, tmp_path, every=1e6), epochs=3).fit()
    assert volume.commits == 1  # the one of the beginning


def test_what_is_saved_inside_an_epoch_is_committed(tmp_path: Path) -> None:
    volume = ReadingVolume(tmp_path)
    graphs = toy_graphs(tmp_path / "data")
    toy_trainer(graphs, tmp_path, keeper(volume, tmp_path), epochs=1, save_minutes=1e-9, batch_size=8).fit()
    inside = [seen for seen in volume.seen if dict(seen).get("last.pt") == 0]
    assert len(inside) > 1


def test_others_see_that_it_lives_inside_a_long_epoch(tmp_path: Path) -> None:
    volume, noted = FakeVolume(), []

    class Looking(Callback):
        def on_step(self, *_: object) -> None:
            noted.append((volume.commits, read_attempts(tmp_path / "log.json")[0].seconds))

    graphs = toy_graphs(tmp_path / "data")
    settings = {"epochs": 1, "save_minutes": 0, "batch_size": 8}
    toy_trainer(graphs, tmp_path, keeper(volume, tmp_path), Looking(), **settings).fit()
    assert len({commits for commits, _ in noted}) == len(noted) > 1


def test_the_sums_of_the_runs_files_are_committed_with_them(tmp_path: Path) -> None:
    result = toy_trainer(toy_graphs(tmp_path / "data"), tmp_path, keeper(FakeVolume(), tmp_path), epochs=2).fit()
    (sums,) = (tmp_path / "launches").rglob("*.sha256")
    told = dict(line.split("  ")[::-1] for line in sums.read_text().splitlines())
    history = result.run.history
    assert told[history.relative_to(tmp_path).as_posix()] == hashlib.sha256(history.read_bytes()).hexdigest()


def test_it_stops_before_the_time_is_up(tmp_path: Path) -> None:
    volume = FakeVolume()
    kept = keeper(volume, tmp_path, seconds=-1)
    result = toy_trainer(toy_graphs(tmp_path / "data"), tmp_path, kept, epochs=3).fit()
    assert kept.is_out_of_time and result.interrupted and result.run.last.is_file()


def test_a_signal_stops_the_training_and_is_told(tmp_path: Path) -> None:
    class Raiser(Callback):
        def on_step(self, *_: object) -> None:
            signal.raise_signal(signal.SIGTERM)

    with Signals() as signals:
        log = AttemptLog(tmp_path / "log.json", "L4", time.monotonic())
        kept = Keeper(FakeVolume(), log, signals, deadline=time.monotonic() + 1e6)
        trainer = toy_trainer(toy_graphs(tmp_path / "data"), tmp_path, kept, Raiser(), epochs=3)
        result = trainer.fit()
        assert signals.heard is not None and result.interrupted and not kept.is_out_of_time


def test_a_commit_that_fails_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(FakeVolume):
        def commit(self) -> None:
            raise NSMError("no way through")

    result = toy_trainer(toy_graphs(tmp_path / "data"), tmp_path, keeper(Broken(), tmp_path), epochs=2).fit()
    assert result.epochs == 2
    said = capsys.readouterr().out
    assert "no way through; trying again later" in said and "planning: epoch 2 of 2: train_loss=" in said
