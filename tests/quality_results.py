"""Results as `quality.py` leaves them, made up, and how its tables are read."""

from __future__ import annotations

import base64
import json
from functools import partial
from pathlib import Path

import numpy as np

from tests.benchmark_runs import run_benchmark

quality = partial(run_benchmark, "quality")


def write(
    folder: Path, task: str, model: str, seed: int, right: np.ndarray, part: dict[str, np.ndarray], epochs: int = 1
) -> None:
    """What a training would leave, of graphs that are twins two by two."""
    count, fingerprint = len(right), f"{task} {seed}"
    (folder / "sets").mkdir(parents=True, exist_ok=True)
    items = f"{task}-{seed}"
    stored = {"group": np.arange(count) // 2, "label": np.arange(count) % 2, "fingerprint": np.array(fingerprint)}
    np.savez(folder / "sets" / f"{items}.npz", allow_pickle=False, **stored, **part)
    one = {"items": items, "samples": count, "accuracy": float(right.mean()), "ceiling": None, "left_out": 0}
    one["right"] = base64.b64encode(np.packbits(right).tobytes()).decode()
    one |= {
        "ece_calibrated": 0.015 + 0.01 * seed,
        "ece_by_chance": 0.011,
        "ece_by_chance_high": 0.018,
        "temperature": 1.5,
        "reconstruction_exact": None,
        "reconstruction_abstract": None,
    }
    one["decoded"] = None
    if model in ("hierarchy", "hierarchy-quarter"):
        shares = {"node_type": 0.94, "role": 0.9, "order": None}
        one |= {"reconstruction_structure": 0.7, "decoded_structure": {**shares, "node_type": 0.93}}
        one |= {"reconstruction_exact": 2e-7, "reconstruction_abstract": 0.25 + 0.05 * seed, "decoded": shares}
    if "ceiling" in part:
        one["ceiling"] = float(part["ceiling"].mean())
    others = {"planning-held-out": ("ferry",), "causal": ("larger",)}
    sets = dict.fromkeys(("test", *others.get(task, ())), one)
    told = {"task": task, "model": model, "seed": seed, "quick": False, "parameters": 1000, "channels": 8}
    told["epochs"] = epochs
    told |= {"best_val_acc": float(right.mean()), "seconds": 3.0, "processor_seconds": 2.0 + seed, "sets": sets}
    told["circumstances"] = {"machine": "any", "command": f"made {model}"}
    (folder / f"{task}_{model}_{seed}.json").write_text(json.dumps(told))


def row(text: str, heading: str, name: str) -> list[str]:
    """The cells of a row below a heading."""
    part = text.split(heading, 1)[1]
    line = next(line for line in part.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]
