"""What is in a checkpoint, whether it is whole, and how two of them differ. Nothing in them is ever run."""

from __future__ import annotations

import math
import tomllib
import warnings
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nsm.config.reading import PROVENANCE
from nsm.errors import CheckpointError
from nsm.training.checkpoints import FOREIGN, load_checkpoint

__all__ = [
    "CheckpointContent",
    "CheckpointDifference",
    "ParameterInfo",
    "compare_checkpoints",
    "damage",
    "inspect_checkpoint",
    "open_checkpoint",
]


def open_checkpoint(path: Path) -> dict[str, Any]:
    """Opens a checkpoint, or bare weights that were saved by hand: these come as ``model_state_dict`` alone.

    Raises:
        CheckpointError: If the file is missing, damaged, holds code, or is neither of the two.
    """
    try:
        return load_checkpoint(path)
    except CheckpointError:
        weights: object = None
        with suppress(*FOREIGN), warnings.catch_warnings(action="ignore"):
            weights = torch.load(path, map_location="cpu", weights_only=True)
        if isinstance(weights, dict) and weights and all(isinstance(weight, Tensor) for weight in weights.values()):
            return {"model_state_dict": weights}
        raise


def damage(path: Path) -> str | None:
    """What is wrong with a file; None for a whole checkpoint or whole bare weights.

    The checksum of every record of the archive is compared, and the content is read without being run.
    """
    try:
        if path.stat().st_size == 0:
            return "the file is empty"
        open_checkpoint(path)
        if zipfile.is_zipfile(path):  # as every file of torch since 1.6
            with zipfile.ZipFile(path) as archive:
                record = archive.testzip()
            if record is not None:
                return f"the checksum of {record} is wrong"
    except CheckpointError as failure:
        return failure.message
    except (zipfile.BadZipFile, NotImplementedError, OSError) as failure:
        return f"the archive is damaged: {failure}"
    return None


@dataclass(frozen=True)
class ParameterInfo:
    """One tensor of the weights: its name, shape, number of values, and their norm, mean and standard deviation."""

    name: str
    shape: tuple[int, ...]
    count: int
    norm: float
    mean: float
    std: float


@dataclass(frozen=True)
class CheckpointContent:
    """What a checkpoint holds; of bare weights only the parameters are known.

    Attributes:
        path: The file.
        metrics: Epoch, step, latest validation, and the latest epoch's figures, by name.
        config: The configuration that ran, flat: ``planning.graphs``.
        versions: The format, and of NSM, Python, torch, the device and the data, where the run's folder tells.
        parameters: The weights.
    """

    path: Path
    metrics: dict[str, float | None]
    config: dict[str, Any]
    versions: dict[str, Any]
    parameters: list[ParameterInfo]

    def to_json(self) -> Any:
        """Everything as plain values, with the number of all weights."""
        total = sum(parameter.count for parameter in self.parameters)
        return _plain({**asdict(self), "num_parameters": total})


def inspect_checkpoint(path: Path) -> CheckpointContent:
    """Reads everything that a person wants to know of a checkpoint.

    Raises:
        CheckpointError: If it cannot be read.
    """
    content = open_checkpoint(path)
    weights = _weights(content, path)
    return CheckpointContent(
        path=path,
        metrics=_metrics(content),
        config=_flat(content.get("config", {})),
        versions=_versions(content, path),
        parameters=[_parameter(name, weight) for name, weight in weights.items()],
    )


def _plain(value: Any) -> Any:
    """The value as JSON can hold it: paths as text, numbers that are not finite as null."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def _weights(content: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    weights = content["model_state_dict"]
    if not isinstance(weights, dict) or not all(isinstance(weight, Tensor) for weight in weights.values()):
        raise CheckpointError("the checkpoint is damaged: its weights are not all tensors", file=path)
    return weights


def _metrics(content: Mapping[str, Any]) -> dict[str, float | None]:
    if "history" not in content:
        return {}
    position = content["position"]
    latest = content["history"][-1]["metrics"] if content["history"] else {}
    found = {"epoch": content["epoch"], "step": position["step"]}
    found |= {"best_epoch": position["best_epoch"] or None, **latest}
    return found | {"val_acc": content["val_acc"], "val_loss": content["val_loss"]}


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Keys of nested tables joined by dots."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _versions(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The format, and what the configuration of the run tells of where it came from."""
    kept = {name: content[name] for name in ("format_version", "data_fingerprint") if name in content}
    try:
        told = tomllib.loads((path.parent / "config.toml").read_text(encoding="utf-8")).get(PROVENANCE, {})
    except (OSError, ValueError):
        told = {}
    return kept | (told if isinstance(told, dict) else {})


def _parameter(name: str, weight: Tensor) -> ParameterInfo:
    values = weight.detach().to(torch.float64).flatten()
    size = values.numel()
    return ParameterInfo(
        name=name,
        shape=tuple(weight.shape),
        count=size,
        norm=float(values.norm()),
        mean=float(values.mean()) if size else 0.0,
        std=float(values.std(correction=0)) if size else 0.0,
    )


@dataclass(frozen=True)
class CheckpointDifference:
    """How a second checkpoint differs from a first.

    Attributes:
        first: The first file.
        second: The second.
        metrics: To each metric of either the two values.
        config: To each setting that differs the two values; None where one lacks it.
        changes: To each tensor that both have in one shape, largest change first: the norm of the difference over
            that of the first, which is infinite where that is zero.
        unmatched: Tensors that only one has, or whose shapes differ, with the two shapes.
    """

    first: Path
    second: Path
    metrics: dict[str, tuple[Any, Any]]
    config: dict[str, tuple[Any, Any]]
    changes: dict[str, float]
    unmatched: dict[str, tuple[tuple[int, ...] | None, tuple[int, ...] | None]]

    def to_json(self) -> Any:
        """Everything as plain values; an infinite change is null."""
        return _plain(vars(self))


def compare_checkpoints(first: Path, second: Path) -> CheckpointDifference:
    """Compares metrics, configuration and weights of two checkpoints.

    Raises:
        CheckpointError: If one cannot be read.
    """
    contents = [open_checkpoint(path) for path in (first, second)]
    one, other = (_weights(content, path) for content, path in zip(contents, (first, second), strict=True))
    metrics = _pairs(*map(_metrics, contents))
    settings = _pairs(*(_flat(content.get("config", {})) for content in contents))
    shapes = _pairs(*({name: tuple(weight.shape) for name, weight in part.items()} for part in (one, other)))
    matched = [name for name, (shape, again) in shapes.items() if shape == again]
    changes = {name: _relative_change(one[name], other[name]) for name in matched}
    return CheckpointDifference(
        first,
        second,
        metrics,
        config={key: pair for key, pair in settings.items() if pair[0] != pair[1]},
        changes=dict(sorted(changes.items(), key=lambda item: -item[1])),
        unmatched={name: pair for name, pair in shapes.items() if pair[0] != pair[1]},
    )


def _pairs(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The values that two mappings have for each key of either, in the order of the first."""
    return {key: (one.get(key), other.get(key)) for key in [*one, *(key for key in other if key not in one)]}


def _relative_change(before: Tensor, after: Tensor) -> float:
    before, after = before.to(torch.float64), after.to(torch.float64)
    change, size = float((after - before).norm()), float(before.norm())
    return change / size if size else (0.0 if change == 0 else math.inf)
