"""Checkpoints: whole or not at all, never run code, and say which file is at fault."""

from __future__ import annotations

import pickle
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nsm.data.packed import PackedGraphs
from nsm.errors import CheckpointError
from nsm.training.checkpoints import (
    FORMAT_VERSION,
    load_checkpoint,
    load_weights,
    pack_checkpoint,
    promote,
    save_checkpoint,
    write_checkpoint,
)
from nsm.training.state import capture
from tests.training.toy_graphs import toy_trainer


@pytest.fixture(scope="module")
def state(graphs: PackedGraphs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A checkpoint's content."""
    return capture(toy_trainer(graphs, tmp_path_factory.mktemp("run"))) | {"val_acc": 0.5, "val_loss": 1.0}


@pytest.fixture
def saved(state: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "saved.pt"
    save_checkpoint(path, state)
    return path


def test_plain_torch_opens_it(saved: Path, state: dict[str, Any]) -> None:
    opened = torch.load(saved, weights_only=True)
    assert opened.keys() == state.keys() | {"format_version"}
    assert opened["config"] == state["config"]
    words = (states["random_states"]["python"][1] for states in (opened, state))
    assert torch.equal(*words)


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("has_checksum", [True, False])
def test_code_in_a_checkpoint_is_refused_and_does_not_run(
    saved: Path, state: dict[str, Any], has_checksum: bool
) -> None:
    trace = saved.with_name("trace")
    malicious = {**state, "extra": Payload(trace)}
    if has_checksum:  # whoever means harm can compute one
        save_checkpoint(saved, malicious)
    else:
        torch.save({**malicious, "format_version": FORMAT_VERSION}, saved)
    with pytest.raises(CheckpointError, match="holds more than plain values"):
        load_checkpoint(saved)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Payload(trace)))
    assert trace.exists()  # the payload works where it may


def test_any_bit_that_changes_is_noticed(saved: Path) -> None:
    whole = saved.read_bytes()
    chance = random.Random(0)
    places = {0, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(40))}
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        saved.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="the checkpoint is damaged") as caught:
            load_checkpoint(saved)
        assert caught.value.file == str(saved)
    saved.write_bytes(whole)
    assert load_checkpoint(saved)["format_version"] == FORMAT_VERSION


def test_torch_and_zip_open_it_too(saved: Path, state: dict[str, Any]) -> None:
    assert torch.load(saved, weights_only=True)["position"] == state["position"]
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        assert archive.comment.startswith(b"nsm-sha256:")


def test_a_checkpoint_without_its_checksum(saved: Path, state: dict[str, Any]) -> None:
    torch.save({**state, "format_version": FORMAT_VERSION}, saved)
    with pytest.raises(CheckpointError, match="its checksum is missing"):
        load_checkpoint(saved)


def test_a_checkpoint_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot read the checkpoint: Is a directory"):
        load_checkpoint(tmp_path)


def test_one_content_for_several_files(saved: Path, state: dict[str, Any]) -> None:
    other = saved.with_name("other.pt")
    write_checkpoint(other, pack_checkpoint(state))
    assert load_checkpoint(other)["val_acc"] == load_checkpoint(saved)["val_acc"]


@pytest.mark.parametrize("size", [0, 1, 1000, -1])
def test_a_cut_off_checkpoint_is_named(saved: Path, size: int) -> None:
    saved.write_bytes(saved.read_bytes()[:size])
    with pytest.raises(CheckpointError, match="damaged") as caught:
        load_checkpoint(saved)
    assert caught.value.file == str(saved)


def test_other_files(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint here"):
        load_checkpoint(tmp_path / "none.pt")
    torch.save([1, 2], saved)
    with pytest.raises(CheckpointError, match="no checkpoint of NSM"):
        load_checkpoint(saved)
    torch.save({"format_version": 99}, saved)
    with pytest.raises(CheckpointError, match=f"expected a checkpoint of format {FORMAT_VERSION}, got 99"):
        load_checkpoint(saved)
    save_checkpoint(saved, {"epoch": 3})
    with pytest.raises(CheckpointError, match="lacks config, data_fingerprint"):
        load_checkpoint(saved)


def test_whatever_a_file_holds_the_error_is_one(saved: Path) -> None:
    """Random bytes, alone, behind the beginning of an archive, and as the content of one."""
    chance = random.Random(0)
    for number in range(300):
        content = chance.randbytes(chance.randint(1, 60))
        saved.write_bytes(b"PK" * (number % 3) + content)
        if number % 3 == 2:
            with zipfile.ZipFile(saved, "w") as archive:
                archive.writestr("x/version", "3\n")
                archive.writestr("x/data.pkl", b"\x80\x02" + content)
        with pytest.raises(CheckpointError, match="damaged"):
            load_checkpoint(saved)


def test_weights_of_another_model(saved: Path) -> None:
    with pytest.raises(CheckpointError, match="for another model") as caught:
        load_weights(nn.Linear(2, 2), load_checkpoint(saved), saved)
    assert caught.value.file == str(saved)
    assert "train anew" in str(caught.value.hint)


def test_a_failed_save_leaves_the_old_one(saved: Path, state: dict[str, Any]) -> None:
    with pytest.raises((AttributeError, pickle.PicklingError)):
        save_checkpoint(saved, {**state, "config": lambda: None})
    assert load_checkpoint(saved)["config"] == state["config"]
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


@pytest.mark.parametrize(
    ("change", "is_promoted"),
    [
        ({"val_acc": 0.6}, True),
        ({"val_acc": 0.4}, False),
        ({}, False),
        ({"val_loss": 0.9}, True),
        ({"val_acc": 0.6, "val_loss": 9.0}, True),
        ({"val_acc": 0.4, "data_fingerprint": "other"}, True),
    ],
)
def test_promotion(saved: Path, state: dict[str, Any], change: dict[str, Any], is_promoted: bool) -> None:
    target = saved.parent / "planning" / "best_model.pt"
    assert promote(saved, target) is True
    candidate = saved.with_name("candidate.pt")
    save_checkpoint(candidate, state | change)
    assert promote(candidate, target) is is_promoted
    assert target.read_bytes() == (candidate if is_promoted else saved).read_bytes()


def test_promotion_over_a_damaged_file(saved: Path) -> None:
    target = saved.with_name("best_model.pt")
    target.write_bytes(b"damaged")
    assert promote(saved, target) is True
    assert target.read_bytes() == saved.read_bytes()


def test_weights_that_are_no_tensors_are_refused(saved: Path) -> None:
    checkpoint = load_checkpoint(saved)
    name = next(iter(checkpoint["model_state_dict"]))
    checkpoint["model_state_dict"][name] = 3
    with pytest.raises(CheckpointError, match="not all tensors"):
        load_weights(nn.Linear(2, 2), checkpoint, saved)
