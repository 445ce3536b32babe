"""What an evaluation left in a run folder, read back: the figures, the predictions, the settings."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.config.reading import PROVENANCE
from nsm.errors import RunError
from nsm.runs import Run

__all__ = [
    "RunResult",
    "SavedPredictions",
    "flat_settings",
    "read_predictions",
    "read_result",
    "read_tables",
    "split_file",
]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class SavedPredictions:
    """The rows of ``predictions.parquet``.

    Shapes:
        - **index**, **labels**: ``(G,)``; **groups**: ``(G,)`` text; **logits**: ``(G, K)``.
    """

    index: Array
    labels: Array
    groups: Array
    logits: Array
    classes: tuple[str, ...]
    columns: Mapping[str, Array]

    @property
    def is_right(self) -> Array:
        """Whether the most likely class is the true one, ``(G,)``."""
        return np.asarray(self.logits.argmax(axis=1) == self.labels)


@dataclass(frozen=True)
class RunResult:
    """An evaluated run.

    Attributes:
        run: The run.
        split: What it was evaluated on: a split, or the name of other data.
        settings: Its configuration with dotted keys, ``planning.graphs``.
        provenance: Where it came from: versions, data fingerprint, ...
        evaluation: What `nsm.analysis.evaluation.evaluate_predictions` returned.
    """

    run: Run
    split: str
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    evaluation: Mapping[str, Any]

    @property
    def domain(self) -> str:
        """What is reasoned about."""
        return str(self.settings.get("domain", "planning"))

    @property
    def model(self) -> str:
        """Name of the model."""
        return str(self.settings.get("model", "hierarchy"))

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return int(self.settings.get("seed", 0))

    @property
    def fingerprint(self) -> str:
        """Hash of the data that it was evaluated on: those of its training, unless others were chosen."""
        other = self.evaluation.get("data", {})
        return str(other.get("fingerprint", self.provenance.get("data_fingerprint", "")))

    @cached_property
    def predictions(self) -> SavedPredictions:
        """What was said of every graph; read when first asked for."""
        return read_predictions(self.run, self.split)


def split_file(path: Path, split: str) -> Path:
    """The file for a split: that of the test split has the plain name."""
    return path if split == "test" else path.with_stem(f"{path.stem}_{split}")


def read_tables(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """The run's configuration as it is written, and its provenance.

    Raises:
        RunError: If the file cannot be read as TOML.
    """
    try:
        tables = tomllib.loads(run.config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"the configuration of the run cannot be read: {error}", file=run.config) from error
    provenance = tables.pop(PROVENANCE, {})
    return tables, provenance if isinstance(provenance, dict) else {}


def flat_settings(tables: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings with dotted names."""
    flat: dict[str, Any] = {}
    for key, value in tables.items():
        flat |= flat_settings(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def read_result(run: Run, split: str = "test") -> RunResult | None:
    """The evaluation of a run; None where there is none for this split.

    Raises:
        RunError: If a file of it is damaged.
    """
    file = split_file(run.final_results, split)
    if not file.exists():
        return None
    tables, provenance = read_tables(run)
    try:
        evaluation = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(run, file) from error
    if not isinstance(evaluation, dict):
        raise _damaged(run, file)
    return RunResult(run, split, flat_settings(tables), provenance, evaluation)


def _damaged(run: Run, file: Path) -> RunError:
    return RunError("the results are damaged", file=file, hint=f"nsm evaluate {run.folder}")


def read_predictions(run: Run, split: str = "test") -> SavedPredictions:
    """The predictions that an evaluation kept.

    Raises:
        RunError: If there are none, or they are damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file, hint = split_file(run.predictions, split), f"nsm evaluate {run.folder} --split {split}"
    try:
        table = pq.read_table(file)
    except FileNotFoundError as error:
        raise RunError("there are no predictions here", file=file, hint=hint) from error
    except (pa.ArrowException, OSError) as error:
        raise RunError("the predictions are damaged", file=file, hint=hint) from error
    columns = {name: np.array(table[name].to_pylist(), dtype=object) for name in table.column_names}
    classes = [name for name in columns if name.startswith("logit_")]
    return SavedPredictions(
        index=columns["index"].astype(np.int64),
        labels=columns["label"].astype(np.int64),
        groups=columns["group"].astype(str),
        logits=np.stack([columns[name].astype(np.float64) for name in classes], axis=1),
        classes=tuple(name.removeprefix("logit_") for name in classes),
        columns={name: values for name, values in columns.items() if name not in classes},
    )
