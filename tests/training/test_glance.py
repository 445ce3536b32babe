"""A glance sees what opening the files would tell."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nsm.data.packed import PackedGraphs
from nsm.errors import RunError
from nsm.training import glance as module
from nsm.training.glance import glance
from nsm.training.inventory import list_checkpoints
from tests.training.test_trainer import AtStep, request_stop
from tests.training.toy_graphs import toy_trainer


@pytest.mark.parametrize("changes", [{}, {"eval_every": 2}])
def test_it_agrees_with_the_files(graphs: PackedGraphs, tmp_path: Path, changes: dict[str, int]) -> None:
    toy_trainer(graphs, tmp_path, epochs=5, save_every=1, **changes).fit()
    stopped = toy_trainer(graphs, tmp_path, AtStep(13, request_stop), epochs=5, **changes)
    stopped.fit()  # in the middle of an epoch
    torch.save(stopped.model.state_dict(), tmp_path / "planning" / "by_hand.pt")
    (tmp_path / "planning" / "broken.pt").write_bytes(b"no checkpoint")
    (stopped.run.folder / "mine.pt").write_bytes(stopped.run.last.read_bytes())
    assert glance(tmp_path) == list_checkpoints(tmp_path)
    assert glance(stopped.run.folder) == list_checkpoints(stopped.run.folder)


def test_a_damaged_history_and_an_empty_file_do_no_harm(graphs: PackedGraphs, tmp_path: Path) -> None:
    run = toy_trainer(graphs, tmp_path, epochs=2, save_every=1).fit().run
    run.history.write_bytes(b'nonsense\n{"epoch": 7, "metrics": {"val_acc": null}}\n{"epo')
    run.epoch_checkpoint(1).write_bytes(b"")
    found = {file.path.name: file for file in glance(tmp_path)}
    assert (found["last.pt"].epoch, found["last.pt"].val_acc) == (7, None)
    assert found["best_model.pt"].epoch is None and found["checkpoint_epoch_0002.pt"].epoch is None
    assert "empty" in str(found["checkpoint_epoch_0001.pt"].problem)


def test_files_of_no_run_are_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    real = module.describe_checkpoint
    monkeypatch.setattr(module, "describe_checkpoint", lambda path: (opened.append(path), real(path))[1])
    path = tmp_path / "by_hand.pt"
    torch.save({"weight": torch.zeros(2)}, path)
    for _ in range(3):
        assert [file.problem for file in glance(tmp_path)] == [None]
    path.write_bytes(b"changed")
    assert glance(tmp_path)[0].problem is not None
    assert opened == [path, path]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        glance(tmp_path / "none")
