"""``nsm compare``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.analysis.made_runs import evaluate_as, make_run
from tests.cli.conftest import Command, JsonCommand


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name, model, mistakes in (("flat_0", "flat", 5), ("hier_0", "hierarchy", 2)):
        evaluate_as(make_run(root, name, model=model), np.arange(20) >= mistakes)
    return root


def test_one_object_with_the_keys_that_tools_rely_on(nsm_json: JsonCommand, root: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    status, told = nsm_json("compare", "--root", str(root), "--metric", "auc", "--html", str(page))
    assert status == 0
    assert told["rows"][0].keys() >= {"domain", "model", "metric", "mean", "low", "high", "seeds"}
    assert {row["metric"] for row in told["rows"]} == {"auc"}
    assert told["written"] == [str(page)]
    assert page.is_file()


def test_tables_for_people(nsm: Command, root: Path) -> None:
    status, out, _ = nsm("compare", "planning", "kg", "--root", str(root))
    assert status == 0
    assert out.splitlines()[1].split()[:4] == ["planning", "hierarchy", "accuracy", "0.9000"]
    assert "first minus second" in out
    assert f"left out: kg: there is no run in {root}; nsm train kg" in out


def test_nothing_to_compare_and_mistakes(nsm: Command, nsm_json: JsonCommand, root: Path, tmp_path: Path) -> None:
    status, out, _ = nsm("compare", "--root", str(tmp_path / "none"))
    assert (status, out.splitlines()[0]) == (0, "nothing to compare")
    status, told = nsm_json("compare", "--root", str(root), "--metric", "acc")
    assert status == 2
    assert told["error"] == "no run has the metric 'acc'"
    assert "accuracy" in told["hint"]
