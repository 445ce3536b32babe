"""The tables of the benchmark of quality: what their figures are computed from."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

import numpy as np

from tests.benchmark_runs import ROOT, read, run_python
from tests.quality_results import quality, row, write


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
    took = "flat-8-long took 1.000 times the processor time of hierarchy, its epochs"
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
    for model, seeds, reached in (
        ("hierarchy", (0, 1, 2), 7),
        ("hierarchy-no-cycle", (1, 2), 8),
        ("hierarchy-quarter", (0, 1, 2), 6),
    ):
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
    assert told[1:5] == ["test", "hierarchy", "70.0 (70.0 to 70.0)", "80.0 (80.0 to 80.0)"]
    assert told[5].startswith("-10.00 (-") and told[5].endswith("; 2 seeds)")
    assert told[6:] == ["0.325 (0.300 to 0.350)", "0.900 (0.900 to 0.900)"]
    quarter = next(line for line in text.splitlines() if line.startswith("| causal | test | hierarchy-quarter |"))
    assert "| 60.0 (60.0 to 60.0) | 80.0 (80.0 to 80.0) | -20.00 (-" in quarter
    assert sum(line.startswith("| causal | hierarchy-quarter |") for line in text.splitlines()) == 1  # its limits
    for file in folder.glob("causal_hierarchy-no-cycle_*.json"):
        file.unlink()
    quality(folder, "--table")
    assert "What the reconstruction costs" not in folder.with_suffix(".md").read_text(encoding="utf-8")


def test_other_times_of_training_have_a_table_of_their_own(tmp_path: Path) -> None:
    folder, title = tmp_path / "made", "Trained for less, and for longer"
    reached = {"hierarchy": 6, "flat-8": 5, "flat-8-long": 4, "hierarchy-more": 8, "flat-8-more": 7}
    for model, tenths in reached.items():
        for seed in (1, 2):
            epochs = 3 + (model == "flat-8-more") * seed
            write(folder, "causal", model, seed, np.arange(400) % 10 < tenths, {}, epochs=epochs)
    quality(folder, "--table")
    text = folder.with_suffix(".md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text[text.index(title) :].splitlines() if "| causal |" in line][
        :2
    ]
    assert rows[0][1:6] == ["test", "3", "60.0 (60.0 to 60.0)", "flat-8-long, 3", "40.0 (40.0 to 40.0)"]
    assert rows[1][1:6] == ["test", "3", "80.0 (80.0 to 80.0)", "flat-8-more, 4 to 5", "70.0 (70.0 to 70.0)"]
    assert rows[1][6].startswith("+10.00 (+") and rows[1][6].endswith("; 2 seeds)")
    assert row(text, "## At a glance", "causal")[3] == "flat-8 50.0 (50.0 to 50.0)"  # the more trained take no part
    for file in folder.glob("causal_*-more_*.json"):
        file.unlink()
    quality(folder, "--table")
    assert title not in folder.with_suffix(".md").read_text(encoding="utf-8")  # one time is no choice of times


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
