"""Launches that are small enough for a test: settings, scripts, and what they leave on the volume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[3]
PRODUCTION = ROOT / "modal_train_production.py"
NOTEBOOK = ROOT / "experiments" / "nsm_training_notebook.py"
TROUBLED = Path(__file__).with_name("troubled_app.py")
VOLUME = "nsm-checkpoints"

SMALL = """\
epochs = 2
batch_size = 32
channels = 8
accelerator = "cpu"

[planning]
graphs = 120

[causal]
graphs = 160

[kg]
dataset = "nations"
graphs = 240
rank_epochs = 1
rank_channels = 8
"""
EPOCHS = 16
LONG = {"epochs": EPOCHS, "causal.graphs": 400}
"""A training long enough to be interrupted: seconds, in steps of a few milliseconds."""


def written(folder: Path, text: str = SMALL) -> Path:
    """The settings as a file."""
    file = folder / "small.toml"
    file.write_text(text, encoding="utf-8")
    return file


def pairs(values: dict[str, Any]) -> str:
    """What ``--set`` takes."""
    return " ".join(f"{key}={value}" for key, value in values.items())


def differences(first: Path, second: Path) -> list[str]:
    """Where the states of two checkpoints differ, in bits; times and places do not count."""
    kept = ("model_state_dict", "optimizer_state_dict", "scheduler_state_dict", "random_states", "position")
    states = [torch.load(path, weights_only=True) for path in (first, second)]
    found: list[str] = []
    for key in (*kept, *({"trained_state_dict"} & states[0].keys())):
        _compare(key, states[0][key], states[1].get(key), found)
    metrics = [[record["metrics"] for record in state["history"]] for state in states]
    _compare("history", *metrics, found)
    return found


def _compare(name: str, first: Any, second: Any, found: list[str]) -> None:
    if isinstance(first, torch.Tensor):
        if not (isinstance(second, torch.Tensor) and torch.equal(first, second)):
            found.append(name)
    elif isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        for key in first:
            _compare(f"{name}.{key}", first[key], second[key], found)
    elif isinstance(first, list | tuple) and isinstance(second, list | tuple) and len(first) == len(second):
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            _compare(f"{name}[{number}]", one, other, found)
    elif first != second:
        found.append(name)
