"""Run folders as a training and an evaluation leave them, made in milliseconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nsm.config import Config
from nsm.config.reading import PROVENANCE
from nsm.config.toml import to_toml
from nsm.runs import Run, create_run, write_json, write_text


def make_run(root: Path, name: str, *, fingerprint: str = "aaaa", provenance: Any = None, **settings: Any) -> Run:
    """A run with a configuration and nothing else."""
    config = Config.model_validate({"epochs": 4, "root": root, **settings})
    run = create_run(root, config.domain, name)
    about = {"data_fingerprint": fingerprint, "started": "2026-01-01T00:00:00+00:00", **(provenance or {})}
    write_text(run.config, to_toml({**config.to_json(), PROVENANCE: about}))
    return run


def add_history(run: Run, epochs: int, **more: Any) -> None:
    """So many lines of history; ``more`` goes into each of them."""
    for epoch in range(1, epochs + 1):
        metrics = {
            "train_loss": 1 / epoch, "train_cycle_loss": 1.2 / epoch, "train_acc": 0.5 + epoch / 20,
            "learning_rate": 0.004, "grad_norm": 1.5, "val_loss": 1.1 / epoch, "val_cycle_loss": 0.9 / epoch,
            "val_acc": 0.5 + epoch / 10,
        }  # fmt: skip
        resources = {"seconds": 2.0, "graphs_per_second": 300.0, "memory_mib": 400.0}
        record = {"epoch": epoch, "step": epoch, "metrics": metrics, "is_best": epoch < 4, "resources": resources}
        run.append_history({**record, **more})


def end(run: Run, *, interrupted: bool = False) -> None:
    """What a training writes last."""
    epochs = [json.loads(line)["epoch"] for line in run.history.read_text().splitlines()]
    write_json(run.training_history, {"epoch": epochs, "majority": 0.5, "interrupted": interrupted})


def evaluate_as(run: Run, right: np.ndarray, *, split: str = "", **figures: Any) -> None:
    """An evaluation that is right about these graphs, two to a group, with labels 0, 1, 0, 1, ..."""
    count = len(right)
    labels = np.arange(count) % 2
    predicted = np.where(right, labels, 1 - labels)
    table = {
        "index": np.arange(count), "label": labels, "predicted": predicted, "confidence": np.full(count, 0.9),
        "logit_no": np.where(predicted == 0, 2.0, 0.0), "logit_yes": np.where(predicted == 1, 2.0, 0.0),
        "reconstruction_abstract": np.linspace(0.2, 0.4, count), "group": [f"g{at // 2}" for at in range(count)],
    }  # fmt: skip
    ending = f"_{split}" if split else ""
    pq.write_table(pa.table(table), run.folder / f"predictions{ending}.parquet")
    accuracy = float(np.mean(right))
    found = {
        "split": split or "test", "samples": count, "accuracy": accuracy, "accuracy_low": accuracy - 0.05,
        "accuracy_high": min(1.0, accuracy + 0.05), "majority": 0.5, "ceiling": None, "auc": 0.9, "ece": 0.05,
        "temperature": 1.0, "confusion": [[1, 0], [0, 1]], "reconstruction_abstract": 0.3,
    }  # fmt: skip
    write_json(run.folder / f"final_results{ending}.json", {**found, **figures})
