"""Rows, intervals, differences and notes of a comparison, against figures by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nsm.analysis.comparison import Comparison, compare_results
from nsm.analysis.metrics import bootstrap_interval
from nsm.analysis.run_results import RunResult, read_result
from nsm.analysis.statistics import t_interval
from nsm.errors import DataError
from tests.analysis.made_runs import evaluate_as, make_run


def result(root: Path, name: str, mistakes: int, *, figures: Any = None, **settings: Any) -> RunResult:
    """A run that errs on its first graphs, 40 in all."""
    run = make_run(root, name, **settings)
    evaluate_as(run, np.arange(40) >= mistakes, **(figures or {}))
    found = read_result(run)
    assert found is not None
    return found


@pytest.fixture
def results(tmp_path: Path) -> list[RunResult]:
    seeds = [result(tmp_path, f"h{seed}", seed, seed=seed, fingerprint=f"d{seed}") for seed in range(3)]
    flat = result(tmp_path, "f0", 8, model="flat", fingerprint="d0")
    causal = result(tmp_path, "c0", 4, domain="causal", figures={"ceiling": 0.95, "mrr": 0.4})
    return [flat, causal, *seeds]


def test_rows_have_means_and_intervals(results: list[RunResult]) -> None:
    rows = {(row.domain, row.model): row for row in compare_results(results).rows}
    assert list(rows) == [("causal", "hierarchy"), ("planning", "hierarchy"), ("planning", "flat")]
    seeds = rows["planning", "hierarchy"]
    expected = t_interval(np.array([40, 39, 38]) / 40)
    assert (seeds.mean, seeds.low, seeds.seeds) == pytest.approx((39 / 40, expected.low, 3))
    assert expected.high > 1.0 == seeds.high  # a share is at most one
    assert (seeds.interval, seeds.runs) == ("t over 3 seeds", ("h0", "h1", "h2"))
    one = rows["causal", "hierarchy"]
    assert (one.low, one.high, one.ceiling, one.majority) == pytest.approx((0.85, 0.95, 0.95, 0.5))
    assert one.interval == "one run: bootstrap of its groups"


def test_a_single_run_without_an_interval_has_wilsons(results: list[RunResult]) -> None:
    evaluation = {k: v for k, v in results[0].evaluation.items() if k != "accuracy_low"}
    row = compare_results([RunResult(results[0].run, "test", {}, {}, evaluation)]).rows[0]
    assert row.interval == "one run: Wilson's formula"
    assert row.low is not None and 0.6 < row.low < 0.8


def test_other_metrics_of_a_single_run(results: list[RunResult]) -> None:
    rows = compare_results(results, ("auc", "reconstruction_abstract", "mrr")).rows
    found = {(row.domain, row.model, row.metric): row for row in rows}
    auc = found["planning", "flat", "auc"]
    assert auc.low is not None and auc.high is not None and 0.5 < auc.low < auc.high < 1
    errors = found["planning", "flat", "reconstruction_abstract"]
    expected = bootstrap_interval(np.linspace(0.2, 0.4, 40), np.repeat([f"g{at}" for at in range(20)], 2))
    assert (errors.low, errors.high) == (expected.low, expected.high)
    assert found["causal", "hierarchy", "mrr"].interval is None
    assert ("planning", "flat", "mrr") not in found


def test_damaged_predictions_cost_the_interval_alone(results: list[RunResult]) -> None:
    results[0].run.predictions.write_bytes(b"PAR1")
    rows = {(row.domain, row.model): row for row in compare_results(results, ("auc",)).rows}
    flat = rows["planning", "flat"]
    assert (flat.mean, flat.low, flat.interval) == (0.9, None, "none: the predictions are damaged")
    assert rows["causal", "hierarchy"].low is not None


def test_what_has_not_the_metric_is_told_and_an_unknown_one_is_refused(results: list[RunResult]) -> None:
    assert "planning, flat: its evaluation has no mrr" in compare_results(results, ("mrr",)).left_out
    with pytest.raises(DataError, match="no run has the metric 'acuracy'") as caught:
        compare_results(results, ("acuracy",))
    assert "accuracy" in str(caught.value.hint)


def test_models_are_paired_on_the_same_graphs(results: list[RunResult]) -> None:
    (pair,) = compare_results(results).pairs
    assert (pair.domain, pair.first, pair.second, pair.runs) == ("planning", "hierarchy", "flat", 1)
    found = pair.result
    assert (found.only_first, found.only_second, found.difference, found.samples) == (8, 0, 0.2, 40)
    assert found.p == pytest.approx(2 / 2**8)
    assert 0 < found.low < 0.2 < found.high


def test_models_that_cannot_be_paired_are_told(results: list[RunResult]) -> None:
    results[0].run.predictions.unlink()
    notes = compare_results(results).notes
    assert any("not paired" in note and "there are no predictions here" in note for note in notes)
    told = compare_results([result for result in results if result.run.name != "h0"])
    assert told.pairs == []
    assert any("no two of their runs have the same seed and data" in note for note in told.notes)


def test_tables_and_json(results: list[RunResult]) -> None:
    found = compare_results(results, left_out=["kg: nothing"])
    told = json.loads(json.dumps(found.to_json()))
    assert told["rows"][0].keys() >= {"domain", "model", "metric", "mean", "low", "high", "seeds"}
    assert told["left_out"] == ["kg: nothing"]
    assert told["pairs"][0]["only_first"] == 8
    assert len(found.table()) == 3
    assert "+0.2000" in found.pair_table().to_text()


def test_nothing_to_compare() -> None:
    assert compare_results([], ("accuracy",), left_out=["a"]) == Comparison([], [], [], ["a"])
