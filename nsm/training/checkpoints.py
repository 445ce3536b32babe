"""Checkpoints: plain dictionaries that ``torch.load(..., weights_only=True)`` opens."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nsm.errors import CheckpointError
from nsm.runs import locked, replacing

__all__ = ["FORMAT_VERSION", "load_checkpoint", "load_weights", "promote", "save_checkpoint"]

FORMAT_VERSION = 1

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
        "config",
        "schema",
        "data_fingerprint",
        "position",
        "random_states",
    }
)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint as a whole or not at all; the format's version is added."""
    with replacing(path) as temporary:
        torch.save({"format_version": FORMAT_VERSION, **checkpoint}, temporary)


def load_checkpoint(path: Path) -> Checkpoint:
    """Opens a checkpoint on the processor, never running code that it may contain.

    Raises:
        CheckpointError: If it is missing, damaged, of a later format, or no checkpoint of NSM.
    """
    try:
        checkpoint: object = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as failure:
        raise CheckpointError("there is no checkpoint here", file=path) from failure
    except (pickle.UnpicklingError, OSError, RuntimeError, EOFError, KeyError, ValueError) as failure:
        message = "the checkpoint is damaged or not a plain one"
        raise CheckpointError(message, file=path, hint="take another one of the run") from failure
    if not isinstance(checkpoint, dict) or "format_version" not in checkpoint:
        raise CheckpointError("this is no checkpoint of NSM", file=path)
    if checkpoint["format_version"] != FORMAT_VERSION:
        message = f"expected a checkpoint of format {FORMAT_VERSION}, got {checkpoint['format_version']}"
        raise CheckpointError(message, file=path, hint="use the version of NSM that wrote it")
    if missing := sorted(_KEYS - checkpoint.keys()):
        raise CheckpointError(f"the checkpoint lacks {', '.join(missing)}", file=path)
    return checkpoint


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
        raise CheckpointError(message, file=path)
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
