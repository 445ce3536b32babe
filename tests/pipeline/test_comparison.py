"""From names to runs: domains, folders, names; what is not there is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm import pipeline
from nsm.errors import RunError
from tests.analysis.made_runs import evaluate_as, make_run

RIGHT = np.arange(20) > 2


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name, model in (("flat_0", "flat"), ("hier_0", "hierarchy")):
        evaluate_as(make_run(root, name, model=model), RIGHT)
    make_run(root, "raw", domain="causal")
    return root


def test_everything_below_the_root(root: Path) -> None:
    found = pipeline.compare(root=root)
    assert {row.model for row in found.rows} == {"flat", "hierarchy"}
    assert found.left_out == [
        f"kg: there is no run in {root}; nsm train kg",
        f"raw: there is no evaluation yet; nsm evaluate {root}/causal/runs/raw",
    ]


@pytest.mark.parametrize("place", ["{root}", "{root}/planning", "{root}/planning/runs"])
def test_folders(root: Path, place: str, tmp_path: Path) -> None:
    found = pipeline.compare([place.format(root=root)], root=tmp_path / "elsewhere")
    assert sorted(run for row in found.rows for run in row.runs) == ["flat_0", "hier_0"]


def test_names_domains_and_one_run_twice(root: Path) -> None:
    found = pipeline.compare(["flat", root / "planning" / "runs" / "flat_0", "kg"], root=root)
    assert [row.runs for row in found.rows] == [("flat_0",)]
    assert found.left_out == [f"kg: there is no run in {root}; nsm train kg"]
    assert len(pipeline.compare(["planning"], root=root).rows) == 2
    with pytest.raises(RunError, match="no run is called 'planing'"):
        pipeline.compare(["planing"], root=root)


def test_another_split(root: Path) -> None:
    found = pipeline.compare(["hier_0"], root=root, split="val")
    assert found.rows == []
    assert found.left_out[0].endswith("--split val")


@pytest.mark.parametrize("file", ["final_results.json", "config.toml"])
@pytest.mark.parametrize("content", ['{"accuracy": ', "[]"])
def test_a_damaged_run_is_left_out_unless_it_was_named(root: Path, file: str, content: str) -> None:
    damaged = root / "planning" / "runs" / "flat_0" / file
    damaged.write_text(f"{content}\nx = " if file == "config.toml" else content)
    for targets in ((), ("planning",), (root / "planning",)):
        found = pipeline.compare(targets, root=root)
        assert [row.runs for row in found.rows] == [("hier_0",)]
        assert [line for line in found.left_out if line.startswith("flat_0: ") and str(damaged) in line]
    for target in ("flat_0", damaged.parent):
        with pytest.raises(RunError, match=r"damaged|cannot be read"):
            pipeline.compare(["hier_0", target], root=root)


def test_files_are_written_or_refused(root: Path, tmp_path: Path) -> None:
    found = pipeline.compare(root=root)
    written = pipeline.write_comparison(found, html=tmp_path / "new" / "a.html", figure=tmp_path / "a.svg")
    assert [path.name for path in written] == ["a.svg", "a.html"]
    assert "<svg" in written[0].read_text()
    with pytest.raises(RunError, match=r"ends in \.png"):
        pipeline.write_comparison(found, figure=tmp_path / "a.gif")
    with pytest.raises(RunError, match="nothing to draw"):
        pipeline.write_comparison(pipeline.compare(["kg"], root=root), figure=tmp_path / "b.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.svg", "new", "root"]
