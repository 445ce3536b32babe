"""Checkpoints: plain dictionaries that ``torch.load(..., weights_only=True)`` opens."""

from __future__ import annotations

import hashlib
import io
import pickle
import shutil
import struct
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nsm.errors import CheckpointError
from nsm.runs import locked, replacing

__all__ = [
    "FOREIGN",
    "FORMAT_VERSION",
    "load_checkpoint",
    "load_weights",
    "pack_checkpoint",
    "promote",
    "save_checkpoint",
    "write_checkpoint",
    "write_weights",
]

FORMAT_VERSION = 2

FOREIGN = (
    *(pickle.UnpicklingError, struct.error, OSError, EOFError, MemoryError),
    *(RuntimeError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError),
)
"""What ``torch.load`` raises on bytes that are no archive of plain values."""

_MARK = b"nsm-sha256:"
_COMMENT_SIZE = len(_MARK) + 2 * hashlib.sha256().digest_size

Checkpoint = dict[str, Any]

_KEYS = frozenset(
    {
        "format_version",
        "epoch",
        "val_acc",
        "val_loss",
        "model_state_dict",
        "optimizer_state_dict",
        "scheduler_state_dict",
        "history",
        "micro_batch",
        "config",
        "schema",
        "data_fingerprint",
        "position",
        "random_states",
        "precision_state_dict",
        "resources",
    }
)


def pack_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The content of a checkpoint's file: what torch writes, and its checksum as the comment of the archive.

    The format's version is added. Any program that opens torch's files opens this one too.
    """
    buffer = io.BytesIO()
    torch.save({"format_version": FORMAT_VERSION, **checkpoint}, buffer)
    # an archive ends with the length of its comment; torch writes none, so that length is 0
    content = buffer.getvalue()[:-2] + struct.pack("<H", _COMMENT_SIZE)
    return content + _MARK + hashlib.sha256(content).hexdigest().encode()


def write_checkpoint(path: Path, content: bytes) -> None:
    """Writes what :func:`pack_checkpoint` made, as a whole or not at all.

    torch itself tells of a full disk as of any other fault; so it writes to memory only.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Packs a checkpoint and writes it as a whole or not at all."""
    write_checkpoint(path, pack_checkpoint(checkpoint))


def write_weights(path: Path, model: nn.Module) -> None:
    """Writes the weights of a model alone, as a whole or not at all."""
    buffer = io.BytesIO()
    torch.save({name: weight.cpu() for name, weight in model.state_dict().items()}, buffer)
    write_checkpoint(path, buffer.getvalue())


def load_checkpoint(path: Path) -> Checkpoint:
    """Opens a checkpoint on the processor, never running code that it may contain.

    Raises:
        CheckpointError: If it is missing, damaged (cut off, empty, or with a single bit changed), of another
            format, or no checkpoint of NSM.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as failure:
        raise CheckpointError("there is no checkpoint here", file=path) from failure
    except OSError as failure:
        raise CheckpointError(f"cannot read the checkpoint: {failure.strerror}", file=path) from failure
    if not content:
        raise _damaged(path, "the file is empty")
    is_whole = _is_whole(content)
    if is_whole is False:
        raise _damaged(path, "its content does not fit its checksum")
    checkpoint = _unpickle(path, content)
    if not isinstance(checkpoint, dict) or "format_version" not in checkpoint:
        raise CheckpointError("this is no checkpoint of NSM", file=path)
    if checkpoint["format_version"] != FORMAT_VERSION:
        message = f"expected a checkpoint of format {FORMAT_VERSION}, got {checkpoint['format_version']}"
        raise CheckpointError(message, file=path, hint="use the version of NSM that wrote it")
    if is_whole is None:
        raise _damaged(path, "its checksum is missing")
    if missing := sorted(_KEYS - checkpoint.keys()):
        raise CheckpointError(f"the checkpoint lacks {', '.join(missing)}", file=path)
    return checkpoint


def _is_whole(content: bytes) -> bool | None:
    """Whether the content fits its checksum; None where it has none."""
    body, comment = content[:-_COMMENT_SIZE], content[-_COMMENT_SIZE:]
    if not comment.startswith(_MARK):
        return None
    return hashlib.sha256(body).hexdigest().encode() == comment[len(_MARK) :]


def _unpickle(path: Path, content: bytes) -> object:
    if not content.startswith(b"PK"):  # torch.load would take it for a file of its older format, which no run has
        raise _damaged(path, "it is no archive of torch")
    try:
        found: object = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except FOREIGN as failure:
        raise _damaged(path, "it is cut off, or holds more than plain values") from failure
    return found


def _damaged(path: Path, reason: str) -> CheckpointError:
    message = f"the checkpoint is damaged or not a plain one: {reason}"
    return CheckpointError(message, file=path, hint="take another one of the run")


def load_weights(model: nn.Module, checkpoint: Checkpoint, path: Path) -> None:
    """Puts the weights of a checkpoint into a model.

    Args:
        model: The model, changed in place.
        checkpoint: What :func:`load_checkpoint` returned.
        path: Where it came from, for the error.

    Raises:
        CheckpointError: If the checkpoint was made for another model.
    """
    wanted, got = model.state_dict(), checkpoint["model_state_dict"]
    if not isinstance(got, dict) or not all(isinstance(weight, Tensor) for weight in got.values()):
        raise CheckpointError("the checkpoint is damaged: its weights are not all tensors", file=path)
    differing = sorted(
        key
        for key in wanted.keys() | got.keys()
        if key not in wanted or key not in got or wanted[key].shape != got[key].shape
    )
    if differing:  # seen before anything is loaded, so that the model stays whole
        message = f"the checkpoint is for another model: {len(differing)} tensors differ, first {differing[0]}"
        hint = "it was written by another version of NSM, which opens it, or with other settings; or train anew"
        raise CheckpointError(message, file=path, hint=hint)
    model.load_state_dict(got)


def promote(best: Path, target: Path) -> bool:
    """Copies a run's best checkpoint to ``target``, if it is better than what is there, under a lock.

    Better means a higher validation accuracy on the same data. What was trained on other data, or cannot be
    read, is replaced.

    Returns:
        Whether ``target`` was replaced.
    """
    candidate = load_checkpoint(best)
    with locked(target):
        try:
            holder = load_checkpoint(target)
        except CheckpointError:
            holder = {"data_fingerprint": None}
        is_comparable = holder["data_fingerprint"] == candidate["data_fingerprint"]
        if is_comparable and _rank(holder) >= _rank(candidate):
            return False
        with replacing(target) as temporary:
            shutil.copyfile(best, temporary)
    return True


def _rank(checkpoint: Checkpoint) -> tuple[float, float]:
    return checkpoint["val_acc"], -checkpoint["val_loss"]
