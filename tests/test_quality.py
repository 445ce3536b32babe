"""The benchmark of quality on tiny data: what it leaves, what it repeats, and what its tables are computed from."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
MODELS = ("hierarchy", "flat-4", "trivial")


def quality(results: Path, *arguments: str, status: int = 0) -> str:
    path = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "benchmarks/quality.py", "--results", str(results), *arguments]
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    folder = tmp_path_factory.mktemp("quality") / "quality"
    asked = ("--domains", "planning", "causal", "--models", *MODELS, "--seeds", "0")
    quality(folder, "--quick", "--cache", str(cache), *asked)
    return folder


def test_a_file_for_each_training(results: Path) -> None:
    names = {f"{task}_{model}_0.json" for task in ("planning", "causal") for model in MODELS}
    assert {file.name for file in results.glob("*.json")} == names
    found = {model: read(results / f"planning_{model}_0.json") for model in MODELS}
    ours, flat = found["hierarchy"], found["flat-4"]
    assert abs(flat["parameters"] - ours["parameters"]) <= 0.05 * ours["parameters"]
    for name in ("test", "longer", "larger"):
        sets = [one["sets"][name] for one in found.values()]
        assert len({one["items"] for one in sets}) == 1  # the same graphs, so that they can be paired
        with np.load(results / "sets" / f"{sets[0]['items']}.npz") as items:
            length, distance = items["length"], items["distance"]
            assert (length.min() >= 26) == (name == "longer")
            assert len(items["label"]) == sets[0]["samples"]
            assert np.isfinite(distance).any()
        for one in sets:
            bits = np.unpackbits(np.frombuffer(base64.b64decode(one["right"]), np.uint8), count=one["samples"])
            assert bits.mean() == pytest.approx(one["accuracy"])


def test_the_table_has_every_set_and_part(results: Path) -> None:
    text = results.with_suffix(".md").read_text(encoding="utf-8")
    assert "say nothing about quality" in text
    for heading in ("## planning", "### test", "### longer", "### larger", "## causal", "| distance |", "| rung |"):
        assert heading in text
    assert text.count("| hierarchy |") >= 5
    assert "planning-held-out" not in text


def test_what_is_there_is_not_repeated_unless_it_is_named(results: Path, cache: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in results.glob("*.json")}
    how = ("--quick", "--cache", str(cache))
    quality(results, *how, "--domains", "planning", "--models", *MODELS, "--seeds", "0")
    assert {file: file.stat().st_mtime_ns for file in results.glob("*.json")} == before
    quality(results, *how, "--only", "planning_trivial_0")
    changed = {file.name for file in before if file.stat().st_mtime_ns != before[file]}
    assert changed == {"planning_trivial_0.json"}
    for name in ("planning_trivial", "planning_best_0", "plans_flat-4_0", "planning_flat-4_x"):
        assert "expected a name such as" in quality(results, *how, "--only", name, status=1)


def test_a_quick_look_leaves_no_figures_beside_the_real_ones() -> None:
    assert "name another folder" in quality(ROOT / "benchmarks" / "results" / "quality", "--quick", status=2)


def write(folder: Path, task: str, model: str, seed: int, right: np.ndarray, part: dict[str, np.ndarray]) -> None:
    """What a training would leave, of graphs that are twins two by two."""
    count, fingerprint = len(right), f"{task} {seed}"
    (folder / "sets").mkdir(parents=True, exist_ok=True)
    items = f"{task}-{seed}"
    stored = {"group": np.arange(count) // 2, "label": np.arange(count) % 2, "fingerprint": np.array(fingerprint)}
    np.savez(folder / "sets" / f"{items}.npz", allow_pickle=False, **stored, **part)
    one = {"items": items, "samples": count, "accuracy": float(right.mean()), "ceiling": None, "left_out": 0}
    one["right"] = base64.b64encode(np.packbits(right).tobytes()).decode()
    if "ceiling" in part:
        one["ceiling"] = float(part["ceiling"].mean())
    sets = {"test": one, "ferry": one} if task == "planning-held-out" else {"test": one}
    told = {"task": task, "model": model, "seed": seed, "quick": False, "parameters": 1000, "channels": 8, "epochs": 1}
    told |= {"best_val_acc": float(right.mean()), "seconds": 3.0, "processor_seconds": 2.0, "sets": sets}
    told["circumstances"] = {"machine": "any"}
    (folder / f"{task}_{model}_{seed}.json").write_text(json.dumps(told))


def row(text: str, heading: str, name: str) -> list[str]:
    """The cells of a row below a heading."""
    part = text.split(heading, 1)[1]
    line = next(line for line in part.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_figures_of_the_table(tmp_path: Path) -> None:
    folder, count = tmp_path / "made", 400
    rung = np.where(np.arange(count) < 200, "association", "intervention")
    ceiling = np.where(np.arange(count) < 200, 0.8, 0.9).astype(np.float32)
    for seed in range(3):
        share = {"flat-4": 0.6, "flat-8": 0.7, "hierarchy": 0.8}
        for model, reached in share.items():
            right = np.arange(count) % 10 < 10 * reached
            write(folder, "causal", model, seed, right, {"rung": rung, "ceiling": ceiling})
            held_out = np.arange(count) % 20 < (17 if model == "hierarchy" else 11)
            write(folder, "planning-held-out", model, seed, held_out, {})
    quality(folder, "--table")
    text = folder.with_suffix(".md").read_text(encoding="utf-8")
    causal = text.split("## causal")[1]
    assert "400 graphs for each seed; majority 50.0%; ceiling 85.0%" in causal
    assert "less flat-8" in causal  # the better one in validation
    assert row(causal, "### test", "hierarchy")[1] == "80.0 (80.0 to 80.0)"
    assert row(causal, "### test", "hierarchy")[2].startswith("+10.00 (+")
    assert row(causal, "### test", "flat-4")[2].startswith("-10.00 (-")
    assert row(causal, "### test", "flat-8")[2] == ""
    assert row(causal, "| rung |", "intervention")[1:4] == ["600", "50.0", "90.0"]
    held_out = text.split("## planning-held-out")[1].split("## causal")[0]
    assert row(held_out, "### ferry", "flat-8")[3] == "failed: not 10% above the majority"
    assert row(held_out, "### ferry", "hierarchy")[3] == ""
    assert row(held_out, "### test", "flat-8")[3] == ""
