"""The tuning trials on tiny data: as many of both networks, of equal size, and a table of all."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from tests.benchmark_runs import ROOT, read, run_benchmark, run_python

tuning = partial(run_benchmark, "tuning")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuning") / "tuning"
    tuning(folder, "--quick", "--domains", "planning", "--trials", "2")
    return folder


def test_as_many_trials_of_both_at_the_same_points_and_of_equal_size(results: Path) -> None:
    names = {f"planning_{kind}_{number}.json" for kind in ("hierarchy", "flat") for number in range(2)}
    assert {file.name for file in results.iterdir()} == names
    found = {name: read(results / name) for name in names}
    size = found["planning_hierarchy_0.json"]["parameters"]
    assert all(abs(one["parameters"] - size) <= 0.05 * size for one in found.values())
    assert found["planning_flat_0.json"]["settings"] == []
    ours, flat = (found[f"planning_{kind}_1.json"]["settings"] for kind in ("hierarchy", "flat"))
    assert ours[:-1] == flat[:-1] and ours[-1].startswith("refine_blocks=") and flat[-1].startswith("flat_layers=")
    assert all("test" not in one and "sets" not in one for one in found.values())


def test_a_few_points_have_every_value_of_every_axis() -> None:
    code = (
        "import json, tuning; print(json.dumps({k: tuning.points(tuning.TASKS['planning'], k) for k in tuning.DEPTH}))"
    )
    points = json.loads(run_python("-c", code))
    both = {"hierarchy": {"refine_blocks=2", "refine_blocks=4"}, "flat": {"flat_layers=4", "flat_layers=8"}}
    for kind, depths in both.items():
        columns = [set(column) for column in zip(*points[kind][:5], strict=True)]
        assert [len(column) for column in columns] == [3, 2, 2, 2, 2]
        assert columns[-1] == depths
        assert len(points[kind]) == len({tuple(point) for point in points[kind]}) >= 6
    assert [point[:-1] for point in points["hierarchy"]] == [point[:-1] for point in points["flat"]]


def test_every_trial_of_the_default_data_can_be_as_large_as_the_hierarchy() -> None:
    code = """if True:
        from pathlib import Path
        import tuning
        from trainings import Place
        place = Place(Path("results"), Path("root"), Path("cache"), False)
        for task in tuning.DEFAULTS:
            for kind in tuning.DEPTH:
                print(*(tuning.configured(tuning.Trial(task, kind, number), place).channels for number in range(6)))"""
    lines = run_python("-c", code).splitlines()
    assert len(lines) == 6 and all(len(line.split()) == 6 for line in lines)


def test_the_best_of_each_is_marked_and_nothing_is_repeated(results: Path) -> None:
    text = results.with_suffix(".md").read_text(encoding="utf-8")
    assert "say nothing about quality" in text
    rows = [line for line in text.splitlines() if line.startswith("| planning_")]
    assert len(rows) == 4
    for kind in ("hierarchy", "flat"):
        assert sum("**" in line for line in rows if f"planning_{kind}_" in line) == 1
    assert "| planning_flat_0 | the defaults |" in text
    before = {file: file.stat().st_mtime_ns for file in results.iterdir()}
    tuning(results, "--quick", "--domains", "planning", "--trials", "2")
    assert {file: file.stat().st_mtime_ns for file in results.iterdir()} == before
    assert "expected a name such as" in tuning(results, "--quick", "--only", "planning_gine_0", status=2)
    assert "name another folder" in tuning(ROOT / "benchmarks" / "results" / "tuning", "--quick", status=2)


def test_of_equal_accuracies_the_lower_loss_is_best(tmp_path: Path) -> None:
    folder = tmp_path / "tuning"
    folder.mkdir()
    for number, (accuracy, loss) in enumerate([(0.9, 0.3), (0.95, 0.4), (0.95, 0.2)]):
        told = {"task": "umls", "kind": "flat", "trial": number, "settings": [], "quick": False, "parameters": 1000}
        told |= {"channels": 8, "epochs": 6, "seconds": 9.5, "processor_seconds": 9.0}
        told |= {"best_val_acc": accuracy, "best_val_loss": loss}
        (folder / f"umls_flat_{number}.json").write_text(json.dumps({**told, "circumstances": {"machine": "any"}}))
    tuning(folder, "--table")
    marked = [line for line in folder.with_suffix(".md").read_text().splitlines() if "**" in line]
    assert len(marked) == 1 and marked[0].startswith("| umls_flat_2 |") and "**95.00**" in marked[0]
