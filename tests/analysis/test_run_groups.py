"""Runs that differ in their seed only are one group; everything else is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nsm.analysis.run_groups import group_runs
from nsm.analysis.run_results import RunResult, read_result
from tests.analysis.made_runs import evaluate_as, make_run


def evaluated(root: Path, name: str, **settings: Any) -> RunResult:
    run = make_run(root, name, **settings)
    evaluate_as(run, np.ones(4, dtype=bool))
    found = read_result(run)
    assert found is not None
    return found


def test_seeds_are_one_group_and_their_data_are_told(tmp_path: Path) -> None:
    runs = [
        evaluated(tmp_path, f"s{seed}", seed=seed, fingerprint=f"data{seed}", threads=seed + 1) for seed in (2, 0, 1)
    ]
    groups, notes = group_runs(runs)
    assert [(group.domain, group.label) for group in groups] == [("planning", "hierarchy")]
    assert [result.seed for result in groups[0].results] == [0, 1, 2]
    assert len(notes) == 1 and "3 data sets among 3 runs" in notes[0]


def test_other_settings_are_other_groups_named_by_what_differs(tmp_path: Path) -> None:
    runs = [
        evaluated(tmp_path, "a"),
        evaluated(tmp_path, "b", channels=32),
        evaluated(tmp_path, "c", model="flat"),
        evaluated(tmp_path, "d", planning={"graphs": 50}),
        evaluated(tmp_path, "e", kg={"dataset": "nations"}),  # of another domain: no difference, a repetition of a
    ]
    groups, notes = group_runs(runs)
    assert [group.label for group in groups] == [
        "flat",
        "hierarchy (channels=64, planning.graphs=not set)",
        "hierarchy (channels=32, planning.graphs=not set)",
        "hierarchy (channels=64, planning.graphs=50)",
    ]
    assert "channels: 32, 64; planning.graphs: 50, not set" in notes[0]
    assert notes[1].endswith("so these do not count: a")


def test_the_later_run_of_a_seed_counts(tmp_path: Path) -> None:
    early, late = ({"started": f"2026-01-0{day}T00:00:00+00:00"} for day in (1, 2))
    runs = [evaluated(tmp_path, "a", provenance=late), evaluated(tmp_path, "b", provenance=early)]
    groups, notes = group_runs(runs)
    assert [result.run.name for result in groups[0].results] == ["a"]
    assert notes == ["planning, hierarchy: a later run has the same seed, so these do not count: b"]
