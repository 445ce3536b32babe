"""Checkpoints looked at from outside: content, damage, differences."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
import torch

from nsm.data.packed import PackedGraphs
from nsm.errors import CheckpointError
from nsm.runs import Run
from nsm.training.inspection import compare_checkpoints, damage, inspect_checkpoint, open_checkpoint
from tests.training.test_checkpoints import Payload
from tests.training.toy_graphs import toy_trainer


@pytest.fixture(scope="module")
def run(graphs: PackedGraphs, tmp_path_factory: pytest.TempPathFactory) -> Run:
    trainer = toy_trainer(graphs, tmp_path_factory.mktemp("root"), epochs=2, save_every=1)
    trainer.fit()
    trainer.run.config.write_text("[provenance]\nnsm = '0.1.0'\ndevice = 'cpu'\n")
    return trainer.run


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Path:
    """A checkpoint to break."""
    path = tmp_path / "copy.pt"
    path.write_bytes(run.last.read_bytes())
    return path


def test_the_content_is_what_the_training_did(run: Run) -> None:
    content = inspect_checkpoint(run.last)
    told, line = content.to_json(), run.read_history()[-1]
    assert (content.metrics["epoch"], content.metrics["step"]) == (2, line["step"])
    assert line["metrics"].items() <= content.metrics.items()
    assert (content.config["channels"], content.config["planning.max_length"]) == (8, 24)
    assert (content.versions["nsm"], content.versions["device"]) == ("0.1.0", "cpu")
    assert content.versions["format_version"] == open_checkpoint(run.last)["format_version"]
    weights = torch.load(run.last, weights_only=True)["model_state_dict"]
    assert [part.name for part in content.parameters] == list(weights)
    assert told["num_parameters"] == sum(weight.numel() for weight in weights.values())
    one = next(part for part in content.parameters if part.count > 50)
    weight = weights[one.name]
    assert one.shape == tuple(weight.shape)
    expected = [weight.norm().item(), weight.mean().item(), weight.std(correction=0).item()]
    assert [one.norm, one.mean, one.std] == pytest.approx(expected, rel=1e-4)
    json.dumps(told, allow_nan=False)


def test_weights_saved_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "mine.pt"
    torch.save({"a": torch.tensor([3.0, -4.0]), "b": torch.full((2,), math.nan), "c": torch.zeros(0)}, path)
    content = inspect_checkpoint(path)
    assert (content.metrics, content.config, content.versions) == ({}, {}, {})
    assert [(part.name, part.count) for part in content.parameters] == [("a", 2), ("b", 2), ("c", 0)]
    assert (content.parameters[0].norm, content.parameters[0].mean) == (5.0, -0.5)
    assert content.to_json()["parameters"][1]["norm"] is None
    assert damage(path) is None
    torch.save({"a": torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    assert inspect_checkpoint(path).parameters[0].count == 2
    assert damage(path) is None


@pytest.mark.parametrize("content", [{}, {"a": 1}, [torch.ones(1)], 7])
def test_what_is_neither(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "odd.pt")
    with pytest.raises(CheckpointError, match="no checkpoint of NSM"):
        open_checkpoint(tmp_path / "odd.pt")
    assert damage(tmp_path / "odd.pt") == "this is no checkpoint of NSM"


def test_a_whole_one_is_whole(run: Run) -> None:
    assert [damage(path) for path in sorted(run.folder.glob("*.pt"))] == [None] * 4


def test_an_empty_and_a_cut_off_one(copy: Path) -> None:
    data = copy.read_bytes()
    for size in (1, 30, len(data) // 2, len(data) - 1):
        copy.write_bytes(data[:size])
        assert damage(copy), size
    copy.write_bytes(b"")
    assert damage(copy) == "the file is empty"


def test_a_flipped_bit_in_a_weight_is_found(copy: Path, run: Run) -> None:
    data = copy.read_bytes()
    weights = torch.load(run.last, weights_only=True)["model_state_dict"]
    largest = max(weights.values(), key=torch.numel)
    start = data.index(largest.numpy().tobytes())
    generator = random.Random(0)
    for _ in range(20):
        place, bit = start + generator.randrange(largest.numel() * 4), generator.randrange(8)
        copy.write_bytes(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
        assert damage(copy), (place, bit)


def test_code_does_not_run(tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / "evil.pt"
    torch.save({"a": torch.ones(1), "b": Payload(trace)}, path)
    assert damage(path)
    with pytest.raises(CheckpointError):
        inspect_checkpoint(path)
    assert not trace.exists()


def test_differences(graphs: PackedGraphs, run: Run, tmp_path: Path) -> None:
    first, second = run.epoch_checkpoint(1), run.epoch_checkpoint(2)
    found = compare_checkpoints(first, second)
    one, other = (torch.load(path, weights_only=True) for path in (first, second))
    assert found.metrics["epoch"] == (1, 2)
    assert found.metrics["val_loss"] == (one["val_loss"], other["val_loss"])
    assert (found.config, found.unmatched) == ({}, {})
    name, change = next(iter(found.changes.items()))
    assert change == max(found.changes.values()) > 0
    before, after = (state["model_state_dict"][name].double() for state in (one, other))
    assert change == pytest.approx(float((after - before).norm() / before.norm()))
    assert compare_checkpoints(first, first).changes.keys() == found.changes.keys()
    assert set(compare_checkpoints(first, first).changes.values()) == {0.0}
    wide = toy_trainer(graphs, tmp_path, epochs=1, channels=12, seed=3)
    wide.fit()
    found = compare_checkpoints(first, wide.run.last)
    assert found.config.keys() == {"channels", "seed", "epochs", "save_every"}
    assert found.config["channels"] == (8, 12)
    assert all(pair[0] != pair[1] for pair in found.unmatched.values())
    assert found.unmatched


def test_changes_of_bare_weights(tmp_path: Path) -> None:
    one, other = tmp_path / "one.pt", tmp_path / "other.pt"
    torch.save({"kept": torch.zeros(2), "moved": torch.zeros(2), "gone": torch.ones(1)}, one)
    torch.save({"kept": torch.zeros(2), "moved": torch.ones(2), "new": torch.ones(3)}, other)
    found = compare_checkpoints(one, other)
    assert found.changes == {"moved": math.inf, "kept": 0.0}
    assert found.unmatched == {"gone": ((1,), None), "new": (None, (3,))}
    told = found.to_json()
    assert told["changes"] == {"moved": None, "kept": 0.0}
    assert (told["first"], told["second"]) == (str(one), str(other))
