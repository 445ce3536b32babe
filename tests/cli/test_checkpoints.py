"""``nsm checkpoints``."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch

from nsm.runs import Run
from tests.cli.conftest import Command, JsonCommand


@pytest.fixture
def run(nsm: Command, settings: Path) -> Run:
    """A run of four epochs with four numbered checkpoints."""
    options = ("--epochs", "4", "--set", "save_every=1", "--run", "one", "--quiet")
    assert nsm("train", "planning", "--config", str(settings), *options)[0] == 0
    return Run(settings.parent / "root" / "planning" / "runs" / "one")


@pytest.fixture
def root(run: Run) -> str:
    return str(run.folder.parents[2])


def numbers(run: Run) -> list[int]:
    return sorted(int(path.stem[-4:]) for path in run.folder.glob("checkpoint_epoch_*.pt"))


def test_list(nsm: Command, nsm_json: JsonCommand, run: Run, root: str) -> None:
    torch.save({"a": torch.ones(2)}, run.folder.parents[1] / "by_hand.pt")
    status, told = nsm_json("checkpoints", "list", "--root", root)
    assert status == 0
    assert told["folder"] == root
    kinds = [file["kind"] for file in told["checkpoints"]]
    assert sorted(kinds) == ["best", "last", "other", "overall", "periodic", "periodic", "periodic", "periodic"]
    keys = {"path", "kind", "run", "size", "age", "epoch", "val_acc", "val_loss", "problem"}
    assert all(file.keys() == keys for file in told["checkpoints"])
    for place in ("one", str(run.folder)):
        status, out, err = nsm("checkpoints", "list", place, "--root", root)
        assert (status, err) == (0, "")
        assert out.splitlines()[0].split() == [
            "checkpoint",
            "kind",
            "epoch",
            "val",
            "acc",
            "val",
            "loss",
            "size",
            "age",
        ]
        assert len(out.splitlines()) == 7
        assert "checkpoint_epoch_0004.pt  periodic      4" in out


def test_nothing_to_list(nsm: Command, nsm_json: JsonCommand, tmp_path: Path) -> None:
    assert nsm("checkpoints", "list", "--root", str(tmp_path))[:2] == (0, f"no checkpoints in {tmp_path}\n")
    assert nsm_json("checkpoints", "list", "--root", str(tmp_path))[1]["checkpoints"] == []
    status, told = nsm_json("checkpoints", "list", "--root", str(tmp_path / "nowhere"))
    assert (status, told["error"]) == (2, "there is no such folder")
    status, told = nsm_json("checkpoints", "list", "nobody", "--root", str(tmp_path))
    assert (status, told["error"]) == (2, "no run is called 'nobody'")


def test_show(nsm: Command, nsm_json: JsonCommand, run: Run, root: str) -> None:
    status, told = nsm_json("checkpoints", "show", "one/last.pt", "--root", root)
    assert status == 0
    assert told.keys() == {"path", "metrics", "config", "versions", "parameters", "num_parameters"}
    assert (told["path"], told["metrics"]["epoch"]) == (str(run.last), 4)
    assert told["versions"]["torch"] == torch.__version__
    status, out, _ = nsm("checkpoints", "show", "one", "--root", root)
    assert status == 0
    assert out.startswith(f"{run.best}\n")
    assert f"{told['num_parameters']:,} values in {len(told['parameters'])} tensors" in out
    assert "encoder.linear.weight" in out
    assert "causal.graphs" not in out


def test_verify(nsm: Command, nsm_json: JsonCommand, run: Run, root: str) -> None:
    status, told = nsm_json("checkpoints", "verify", "--root", root)
    assert (status, told["damaged"], len(told["checkpoints"])) == (0, 0, 7)
    run.last.write_bytes(run.last.read_bytes()[:-100])
    status, told = nsm_json("checkpoints", "verify", "one", "--root", root)
    assert (status, told["damaged"]) == (1, 1)
    assert [row["path"] for row in told["checkpoints"] if not row["ok"]] == [str(run.last)]
    status, out, _ = nsm("checkpoints", "verify", "one", "--root", root)
    assert status == 1
    assert f"{run.last}: damaged: " in out
    assert f"{run.best}: ok\n" in out
    assert out.endswith("6 checkpoints, 1 damaged\n")


def test_diff(nsm: Command, nsm_json: JsonCommand, run: Run, root: str) -> None:
    pair = ("one/checkpoint_epoch_0001.pt", str(run.last))
    status, told = nsm_json("checkpoints", "diff", *pair, "--root", root)
    assert status == 0
    assert told["metrics"]["epoch"] == [1, 4]
    changes = list(told["changes"].values())
    assert changes == sorted(changes, reverse=True)
    status, out, _ = nsm("checkpoints", "diff", *pair, "--top", "2", "--root", root)
    assert status == 0
    assert "settings: no difference" in out
    assert f"and {len(changes) - 2} tensors that changed less" in out
    assert next(iter(told["changes"])) in out


@pytest.mark.parametrize("arguments", [["show", "nobody"], ["diff", "one", "nobody"], ["show", "one/none.pt"]])
def test_mistakes(nsm: Command, run: Run, root: str, arguments: list[str]) -> None:
    del run
    status, out, err = nsm("checkpoints", *arguments, "--root", root)
    assert (status, out) == (2, "")
    assert err.startswith("Error: ")
    assert len(err.splitlines()) == 2


def test_prune_asks(nsm: Command, run: Run, root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("checkpoints", "prune", "one", "--keep", "3", "--root", root)
    for answer in ("", "n\n", "what\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        status, out, err = nsm(*command)
        assert status == 0
        assert "checkpoint_epoch_0001.pt" in out
        assert "Remove them?" in err
        assert out.endswith("nothing was removed\n")
        assert numbers(run) == [1, 2, 3, 4]
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert nsm(*command)[1].endswith("removed\n")
    assert numbers(run) == [2, 3, 4]
    assert nsm(*command)[1] == "nothing to remove\n"


def test_prune_without_a_question(nsm: Command, nsm_json: JsonCommand, run: Run, root: str) -> None:
    command = ("checkpoints", "prune", "--keep", "1", "--root", root)
    status, told = nsm_json(*command, "--dry-run")
    assert status == 0
    assert [Path(path).name[-7:] for path in told["removed"]] == ["0001.pt", "0002.pt", "0003.pt"]
    assert told["freed"] == sum(run.epoch_checkpoint(epoch).stat().st_size for epoch in (1, 2, 3))
    assert numbers(run) == [1, 2, 3, 4]
    assert nsm(*command, "--dry-run", "--yes")[1].endswith("nothing was removed\n")
    assert nsm_json(*command, "--yes")[1]["removed"] == told["removed"]
    assert numbers(run) == [4]
    run.last.unlink()
    status, told = nsm_json("checkpoints", "prune", "--keep", "0", "--yes", "--root", root)
    assert (status, told["removed"], told["spared"]) == (0, [], {str(run.folder): "it has no last.pt"})
    assert numbers(run) == [4]
