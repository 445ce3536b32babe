"""The benchmark of quality on tiny data: what it leaves, what it repeats, and what it refuses."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from tests.benchmark_runs import ROOT, read, run_python
from tests.quality_results import quality, write
from tests.skips import SHARED

MODELS = ("hierarchy", "flat-8", "flat-8-long", "trivial")
TRAINED = {"planning": MODELS, "causal": ("hierarchy", "flat-8")}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    folder = tmp_path_factory.mktemp("quality") / "quality"
    for task, models in TRAINED.items():
        asked = ("--domains", task, "--models", *models, "--seeds", "0")
        quality(folder, "--quick", "--cache", str(cache), *asked)
    return folder


def test_a_file_for_each_training(results: Path) -> None:
    names = {f"{task}_{model}_0.json" for task, models in TRAINED.items() for model in models}
    assert {file.name for file in results.glob("*.json")} == names
    found = {model: read(results / f"planning_{model}_0.json") for model in MODELS}
    ours, flat, long = found["hierarchy"], found["flat-8"], found["flat-8-long"]
    for one in (flat, long):
        assert abs(one["parameters"] - ours["parameters"]) <= 0.05 * ours["parameters"]
    seconds = [one["processor_seconds"] for one in (ours, flat)]
    assert long["epochs"] == max(1, math.ceil(seconds[0] / seconds[1]))
    assert 0 < ours["sets"]["test"]["reconstruction_exact"] < 1e-5
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


def test_a_longer_training_that_is_not_longer_is_the_shorter_one(results: Path, cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "quality"
    copytree(results / "sets", folder / "sets")
    short = read(results / "planning_flat-8_0.json")
    reference = read(results / "planning_hierarchy_0.json") | {"processor_seconds": short["processor_seconds"]}
    for model, figures in (("flat-8", short), ("hierarchy", reference)):
        (folder / f"planning_{model}_0.json").write_text(json.dumps(figures))
    quality(folder, "--quick", "--cache", str(cache), "--only", "planning_flat-8-long_0")
    long = read(folder / "planning_flat-8-long_0.json")
    own = {"model", "circumstances"}
    assert {key: long[key] for key in long.keys() - own} == {key: short[key] for key in short.keys() - own}
    assert long["model"] == "flat-8-long"


def test_the_table_has_every_set_and_part(results: Path) -> None:
    text = results.with_suffix(".md").read_text(encoding="utf-8")
    assert "say nothing about quality" in text
    assert results.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert f"]({results.name}.png)" in text
    sets = ("### test", "### longer", "### larger")
    for heading in ("## At a glance", "## planning", *sets, "## causal", "| distance |", "| rung |"):
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
        assert "expected a name such as" in quality(results, *how, "--only", name, status=2)


def test_what_cannot_be_trained_is_told(tmp_path: Path) -> None:
    how = ("--quick", "--seeds", "0", "--domains", "clutrr", "wn18rr-v1")
    assert "clutrr, wn18rr-v1: left out, say with --shared" in quality(tmp_path / "none", *how)
    assert "say with --shared" in quality(tmp_path / "none", "--quick", "--only", "clutrr_flat-8_0", status=2)
    early = quality(tmp_path / "none", "--quick", "--only", "planning_flat-8-long_0", status=2)
    assert "takes its epochs from the times of planning_hierarchy_0 and planning_flat-8_0" in early
    assert not list(tmp_path.glob("none/*.json"))


@pytest.mark.needs_shared
def test_graphs_of_new_entities_and_stories(tmp_path: Path) -> None:
    asked = ("--domains", "wn18rr-v1", "clutrr", "--models", "flat-8", "--seeds", "0", "--shared", str(SHARED))
    quality(tmp_path / "shared", "--quick", *asked)
    found = {task: read(tmp_path / "shared" / f"{task}_flat-8_0.json") for task in ("wn18rr-v1", "clutrr")}
    assert all(str(SHARED) not in json.dumps(one) for one in found.values())  # it means nothing elsewhere
    with np.load(tmp_path / "shared" / "sets" / f"{found['clutrr']['sets']['test']['items']}.npz") as items:
        assert np.unique(items["length"]).tolist() == list(range(2, 11))
    assert found["wn18rr-v1"]["sets"]["test"]["samples"] >= 20


def test_a_quick_look_leaves_no_figures_beside_the_real_ones() -> None:
    assert "name another folder" in quality(ROOT / "benchmarks" / "results" / "quality", "--quick", status=2)


def test_what_is_wrongly_asked_for_is_told_in_one_message(tmp_path: Path) -> None:
    file, empty, damaged = tmp_path / "file", tmp_path / "empty", tmp_path / "results.of.monday"
    file.write_text("")
    damaged.mkdir()
    (damaged / "causal_flat-8_2.json").write_text('{"seed": ')
    asked = {
        "expected a folder, got the file": (file, "--quick"),
        "there is no result in": (empty, "--table"),
        "expected the figures of a training as JSON (delete it and repeat it)": (damaged, "--table"),
        "expected a whole number from 0 up, got '-1'": (empty, "--seeds", "-1"),
        "--shared: expected a folder with data/kg": (empty, "--shared", str(tmp_path / "nowhere")),
    }
    for message, (folder, *rest) in asked.items():
        told = quality(folder, *rest, status=2)
        assert message in told and "Traceback" not in told
    whole = damaged / "causal_flat-8_2.json"
    whole.unlink()
    write(damaged, "causal", "flat-8", 2, np.ones(40, bool), {})
    found = whole.read_text(encoding="utf-8")
    for key in ("seed", "processor_seconds", "sets"):
        kept = {name: value for name, value in json.loads(found).items() if name != key}
        whole.write_text(json.dumps(kept), encoding="utf-8")
        told = quality(damaged, "--table", status=2)
        assert f"expected the figure {key!r}, got none" in told and "Traceback" not in told
    whole.write_text(json.dumps({**json.loads(found), "sets": {}}), encoding="utf-8")
    assert "expected the set 'test', got none" in quality(damaged, "--table", status=2)
    (damaged / "causal_hierarchy_2.json").write_text("[1]", encoding="utf-8")
    whole.write_text(found, encoding="utf-8")
    told = quality(damaged, "--quick", "--only", "causal_flat-8-long_2", status=2)
    assert "expected the figures of a training as JSON" in told and "Traceback" not in told
    (damaged / "causal_hierarchy_2.json").unlink()
    quality(damaged, "--table")
    assert (tmp_path / "results.of.monday.md").exists()


def test_shared_bases_keep_the_settings_of_the_hierarchy() -> None:
    code = """if True:
        from pathlib import Path
        import quality, quality_sets
        from trainings import Place
        place = Place(Path("results"), Path("root"), Path("cache"), False)
        quality_sets.TUNED["planning", "hierarchy"] = ("blocks=4", "channels=48")
        shared, own = (quality.configured(quality.Job("planning", model, 2), place) for model in
                       ("hierarchy-bases", "hierarchy"))
        assert (shared.num_bases, own.num_bases) == (8, 0)
        keys = {"num_bases", "run"}
        assert shared.model_dump(exclude=keys) == own.model_dump(exclude=keys)
        assert (shared.channels, shared.blocks) == (48, 4)"""
    run_python("-c", code)


def test_variants_of_the_hierarchy_differ_in_what_they_say() -> None:
    code = """if True:
        from pathlib import Path
        import quality
        from trainings import Place
        place = Place(Path("results"), Path("root"), Path("cache"), False)
        def of(task, model):
            return quality.configured(quality.Job(task, model, 2), place).model_dump(exclude={"run"})
        for task in ("planning", "causal", "umls"):
            own, quarter = of(task, "hierarchy"), of(task, "hierarchy-quarter")
            assert of(task, "hierarchy-no-cycle") == {**own, "cycle_weight": 0}
            assert quarter["num_levels"] == 3 and quarter["pool_ratio"] < own["pool_ratio"]
            assert quarter["cycle_weight"] > own["cycle_weight"] or task == "umls"
        own = of("planning", "hierarchy")
        assert of("planning", "hierarchy-more") == {**own, "epochs": 42}
        assert of("planning", "hierarchy-less") == {**own, "epochs": 21}
        assert 21 <= of("planning", "flat-8-less")["epochs"] < of("planning", "flat-8-long")["epochs"]
        assert of("planning", "flat-8-more")["epochs"] > of("planning", "flat-8-long")["epochs"] > own["epochs"]"""
    run_python("-c", code)


def test_a_longer_training_has_as_many_epochs_as_take_the_hierarchys_time(tmp_path: Path) -> None:
    """By steps taken in turn where these were measured, otherwise by the trainings of the same seed."""
    rows = [{"name": "hierarchy", "ratio": 1.0}, {"name": "flat-4", "ratio": 0.7}, {"name": "flat-8", "ratio": 1.3}]
    steps = {"contests": [{"title": "planning: 4 training steps of 64 graphs", "rows": rows}]}
    (tmp_path / "steps.json").write_text(json.dumps(steps))
    for model, seconds in (("hierarchy", 3.0), ("flat-8", 2.0)):
        write(tmp_path / "made", "umls", model, 0, np.arange(400) < 200, {})
        file = tmp_path / "made" / f"umls_{model}_0.json"
        file.write_text(json.dumps(read(file) | {"processor_seconds": seconds}))
    code = f"""
from functools import partial
from pathlib import Path
import quality, quality_glance
from quality import Job, long_epochs
from trainings import Place
folder = Path({str(tmp_path)!r})
quality.step_ratio = partial(quality_glance.step_ratio, file=folder / "steps.json")
place = Place(folder / "made", folder, folder, is_quick=False)
for task, model in (("planning", "flat-4-long"), ("planning", "flat-8-long"), ("umls", "flat-8-long")):
    print(long_epochs(Job(task, model, 0), place))
print(quality_glance.step_ratio("planning", "flat-4", folder / "none.json"))
"""
    assert run_python("-c", code).split() == ["40", "28", "18", "None"]  # 28 / 0.7; never fewer; 12 * 3 / 2
