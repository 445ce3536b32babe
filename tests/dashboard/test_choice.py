from __future__ import annotations

import os
from pathlib import Path

import pytest

from nsm.dashboard.choice import choose
from nsm.errors import RunError
from nsm.runs import Run, create_run


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    """Two runs of different age; the older one and the newer one have a best model, the newest has none."""
    made = [create_run(tmp_path, domain, f"{domain}_run", "x = 1\n") for domain in ("planning", "kg", "causal")]
    for age, run in enumerate(made):
        os.utime(run.config, (1_000 + age, 1_000 + age))
        if run.name != "causal_run":
            run.best.touch()
    return made


def test_without_a_name_it_is_the_newest_run_with_a_model(runs: list[Run], tmp_path: Path) -> None:
    assert choose(root=tmp_path) == (runs[1], runs[1].best)


def test_by_the_beginning_of_a_name(runs: list[Run], tmp_path: Path) -> None:
    assert choose("plan", str(tmp_path)) == (runs[0], runs[0].best)


def test_a_run_without_a_best_model_is_opened_where_it_stands(runs: list[Run], tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has no checkpoint yet"):
        choose("causal_run", tmp_path)
    runs[2].last.touch()
    assert choose("causal_run", tmp_path) == (runs[2], runs[2].last)


def test_by_a_file_also_below_the_root(runs: list[Run], tmp_path: Path) -> None:
    runs[0].last.touch()
    assert choose(runs[0].last) == (runs[0], runs[0].last)
    assert choose("planning/runs/planning_run/last.pt", tmp_path) == (runs[0], runs[0].last)


def test_what_is_not_there_is_told(runs: list[Run], tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such checkpoint"):
        choose(runs[0].folder / "other.pt")
    with pytest.raises(RunError, match="no run is called"):
        choose("other", tmp_path)
    with pytest.raises(RunError, match="no run here has a best model"):
        choose(root=tmp_path / "empty")


def test_bare_weights_beside_the_runs_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").touch()
    with pytest.raises(RunError, match=r"no run's folder.*open_model"):
        choose(tmp_path / "mine.pt")
