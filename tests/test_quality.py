"""The benchmark of quality on tiny data: what it leaves, what it repeats, and what its tables are computed from."""

from __future__ import annotations

import base64
import json
import math
from functools import partial
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from tests.benchmark_runs import ROOT, read, run_benchmark, run_python
from tests.skips import SHARED

MODELS = ("hierarchy", "flat-8", "flat-8-long", "trivial")
TRAINED = {"planning": MODELS, "causal": ("hierarchy", "flat-8")}


quality = partial(run_benchmark, "quality")


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


def write(folder: Path, task: str, model: str, seed: int, right: np.ndarray, part: dict[str, np.ndarray]) -> None:
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
    if model == "hierarchy":
        shares = {"node_type": 0.94, "role": 0.9, "order": None}
        one |= {"reconstruction_structure": 0.7, "decoded_structure": {**shares, "node_type": 0.93}}
        one |= {"reconstruction_exact": 2e-7, "reconstruction_abstract": 0.25 + 0.05 * seed, "decoded": shares}
    if "ceiling" in part:
        one["ceiling"] = float(part["ceiling"].mean())
    others = {"planning-held-out": ("ferry",), "causal": ("larger",)}
    sets = dict.fromkeys(("test", *others.get(task, ())), one)
    told = {"task": task, "model": model, "seed": seed, "quick": False, "parameters": 1000, "channels": 8, "epochs": 1}
    told |= {"best_val_acc": float(right.mean()), "seconds": 3.0, "processor_seconds": 2.0 + seed, "sets": sets}
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
        if seed == 0:
            share["flat-8-long"] = 0.95  # one seed is not enough to be the best one
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
    steps = json.loads((ROOT / "benchmarks" / "results" / "step_time.json").read_text(encoding="utf-8"))["contests"]
    rows = next(one["rows"] for one in steps if one["title"].startswith("causal: "))
    ratio = next(one["ratio"] for one in rows if one["name"] == "flat-8")
    took = "flat-8-long took 1.000 times the hierarchy's processor time, its epochs"
    assert f"{took} {ratio:.3f} times by steps in turn." in causal
    seen = row(text, "## At a glance", "causal")
    assert seen[1:4] == ["test", "80.0 (80.0 to 80.0)", "flat-8 70.0 (70.0 to 70.0)"]
    assert seen[4].startswith("+10.00 (+") and seen[5:7] == ["better", "1.00"]
    assert seen[7].startswith("+20.00, ")
    for seed in (1, 2):  # now it has three, of which the others' do not count
        for task, part in (("causal", {"rung": rung, "ceiling": ceiling}), ("planning-held-out", {})):
            write(folder, task, "flat-8-long", seed, np.arange(count) % 20 < 19, part)
    quality(folder, "--table")
    seen = row(folder.with_suffix(".md").read_text(encoding="utf-8"), "## At a glance", "causal")
    assert seen[3].startswith("flat-8-long 96.7")
    ferry = next(line for line in text.splitlines() if line.startswith("| planning-held-out | ferry |"))
    assert "| better; failed: flat-4 is not 10% above the majority |" in ferry
    kept = row(text, "## Reconstruction and calibration", "causal")
    assert kept[1:5] == ["hierarchy", "0.300 (0.250 to 0.350)", "0.700 (0.700 to 0.700)", ""]
    assert kept[5:7] == ["94.0% (94.0% to 94.0%), missed by 3 of 3", "93.0% (93.0% to 93.0%)"]
    assert kept[11:13] == ["2e-07 (2e-07 to 2e-07)", "0.025 (0.015 to 0.035), 1 of 3 miss"]
    assert kept[13:] == ["0.011 to 0.018", "1.50 (1.50 to 1.50)"]


def test_what_the_reconstruction_costs(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    for model, seeds, reached in (("hierarchy", (0, 1, 2), 7), ("hierarchy-no-cycle", (1, 2), 8)):
        for seed in seeds:
            right = np.arange(400) % 10 < (0 if seed == 0 else reached)  # a seed that only one has does not count
            write(folder, "causal", model, seed, right, {})
            if model == "hierarchy-no-cycle":
                file = folder / f"causal_{model}_{seed}.json"
                one = read(file)
                for part in one["sets"].values():
                    part["reconstruction_abstract"] = 0.9
                file.write_text(json.dumps(one))
    quality(folder, "--table")
    text = folder.with_suffix(".md").read_text(encoding="utf-8")
    told = row(text, "## What the reconstruction costs", "causal")
    assert told[1:4] == ["test", "70.0 (70.0 to 70.0)", "80.0 (80.0 to 80.0)"]
    assert told[4].startswith("-10.00 (-") and told[4].endswith("; 2 seeds)")
    assert told[5:] == ["0.325 (0.300 to 0.350)", "0.900 (0.900 to 0.900)"]
    for file in folder.glob("causal_hierarchy-no-cycle_*.json"):
        file.unlink()
    quality(folder, "--table")
    assert "What the reconstruction costs" not in folder.with_suffix(".md").read_text(encoding="utf-8")


def test_a_difference_needs_both_intervals(tmp_path: Path) -> None:
    """A few seeds that differ much: their bootstrap is above 0, Student's interval is not."""
    folder = tmp_path / "made"
    for seed, gain in ((5, 200), (7, 20), (8, 60), (9, 240)):
        for model, more in (("flat-8", 0), ("hierarchy", gain)):
            write(folder, "planning-held-out", model, seed, np.arange(2000) < 1000 + more, {})
    quality(folder, "--table")
    told = row(folder.with_suffix(".md").read_text(encoding="utf-8"), "## At a glance", "planning-held-out")
    assert told[4].startswith("+6.50 (+") and "; t -" in told[4] and told[4].endswith("; 4 seeds)")
    assert told[5] == "undecided"


def test_fresh_seeds_have_rows_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    for seed, reached in ((2, 900), (12, 800), (13, 800)):
        for model in ("flat-8", "hierarchy"):
            right = np.arange(1000) < (reached if model == "hierarchy" else 700)
            write(folder, "planning", model, seed, right, {})
            file = folder / f"planning_{model}_{seed}.json"
            one = read(file)
            one["sets"] |= dict.fromkeys(("longer", "larger"), one["sets"]["test"])
            file.write_text(json.dumps(one))
    quality(folder, "--table")
    text = folder.with_suffix(".md").read_text(encoding="utf-8")
    assert row(text, "## At a glance", "planning")[4].endswith("; 3 seeds)")
    fresh = row(text, "## At a glance", "planning (fresh)")
    assert fresh[2] == "80.0 (80.0 to 80.0)" and fresh[4].endswith("; 2 seeds)")
    for model in ("flat-8", "hierarchy"):
        (folder / f"planning_{model}_2.json").unlink()
    quality(folder, "--table")
    assert "(fresh)" not in folder.with_suffix(".md").read_text(encoding="utf-8")  # where all are


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


def test_the_committed_table_is_that_of_the_committed_results(tmp_path: Path) -> None:
    committed, copy = ROOT / "benchmarks" / "results" / "quality", tmp_path / "quality"
    copytree(committed, copy)
    quality(copy, "--table")
    assert copy.with_suffix(".md").read_text(encoding="utf-8") == committed.with_suffix(".md").read_text("utf-8")


def test_stories_by_length_beside_the_published_figures(tmp_path: Path) -> None:
    folder, count = tmp_path / "made", 120
    length = np.where(np.arange(count) < 60, 4, 10).astype(np.float32)
    for model, reached in (("flat-8", 6), ("hierarchy", 9)):
        write(
            folder, "clutrr", model, 0, np.arange(count) % 12 < np.where(length == 4, 12, reached), {"length": length}
        )
    quality(folder, "--table")
    text = folder.with_suffix(".md").read_text(encoding="utf-8")
    assert row(text, "### by length", "model") == ["model", "4", "10"]
    assert row(text, "### by length", "hierarchy") == ["hierarchy", "100.0", "75.0"]
    assert row(text, "### by length", "CTP, as published") == ["CTP, as published", "", "89.3"]
    assert row(text, "| length |", "10")[4:6] == ["75.0 (one seed)", "50.0 (one seed)"]
    assert folder.with_suffix(".png").exists()


def test_ranks_stand_beside_the_published_ones(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    for model in ("flat-8", "hierarchy"):
        write(folder, "wn18rr-v1", model, 0, np.arange(40) % 4 < 3, {})
    quality(folder, "--table")
    text = folder.with_suffix(".md").read_text(encoding="utf-8")
    assert row(text, "### ranks", "NBFNet, as published")[3] == "94.8"
    assert row(text, "### ranks", "link scorer")[1] == "0, 1, 2"  # of the committed results


def test_seeds_stand_in_their_order_and_no_share_is_above_one(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    for seed, right in ((10, 397), (9, 400), (2, 400)):
        write(folder, "causal", "flat-8", seed, np.arange(400) < right, {})
    quality(folder, "--table")
    text = folder.with_suffix(".md").read_text(encoding="utf-8")
    assert row(text, "## causal", "flat-8")[3] == "2, 9, 10"
    assert row(text, "### test", "flat-8")[1] == "99.8 (98.7 to 100.0)"


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


def test_groups_of_one_name_are_shared_over_seeds_but_numbers_are_not(tmp_path: Path) -> None:
    """A set that every seed is tested on must not count once for each; causal groups are numbered in each data set."""
    code = f"""
import base64, json, numpy as np
from pathlib import Path
from paired import difference
folder = Path({str(tmp_path)!r})
draw = np.random.default_rng(0)
base = draw.random(300) < 0.8
def told(task, seed, flips):
    right = base ^ flips
    bits = base64.b64encode(np.packbits(right).tobytes()).decode()
    found = {{"items": f"set{{seed}}", "samples": 300, "right": bits}}
    return {{"task": task, "seed": seed, "sets": {{"test": found}}}}
for seed in range(12):
    fingerprint = np.array(f"{{seed:02d}}".ljust(64, "0"))
    np.savez(folder / f"set{{seed}}.npz", fingerprint=fingerprint, group=np.arange(300), label=np.ones(300))
flips = draw.random(300) < 0.1  # the same stories are difficult for one of the two in every seed
for task in ("clutrr", "causal"):
    ours = [told(task, seed, flips) for seed in range(12)]
    theirs = [told(task, seed, flips & False) for seed in range(12)]
    found = difference(ours, theirs, "test", folder)
    print(found.high - found.low)
"""
    shared, apart = map(float, run_python("-c", code).split())
    assert shared > 1.5 * apart
