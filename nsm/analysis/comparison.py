"""Runs beside each other: means over seeds with intervals, and differences on the same graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.analysis import metrics as measures
from nsm.analysis.calibration import negative_log_likelihood
from nsm.analysis.metrics import Interval, wilson_interval
from nsm.analysis.run_groups import SeedGroup, group_runs
from nsm.analysis.run_results import RunResult, split_file
from nsm.analysis.statistics import PairedDifference, grouped_bootstrap, paired_difference, t_interval
from nsm.analysis.tables import Table
from nsm.errors import DataError, RunError

__all__ = ["Comparison", "ComparisonRow", "ModelPair", "compare_results"]

Array = npt.NDArray[Any]

SHARES = ("accuracy", "auc", "average_precision", "ece", "mrr", "hits_at")
OF_LOGITS: dict[str, Callable[[Array, Array], float | None]] = {
    "auc": measures.area_under_roc,
    "average_precision": measures.average_precision,
    "ece": measures.expected_calibration_error,
    "nll": negative_log_likelihood,
}
OF_COLUMNS = ("reconstruction_exact", "reconstruction_abstract")


@dataclass(frozen=True)
class ComparisonRow:
    """One metric of one model in one domain.

    Attributes:
        domain, model, metric: What it is of; ``model`` names the settings that set it apart from another row's.
        mean, low, high: Mean over the seeds, and its 95 % interval; None where there is no interval.
        seeds: Number of seeds.
        interval: How the interval was made.
        majority, ceiling: Accuracy of the majority class and the best possible one, for the accuracy only.
        runs: Names of the runs.
    """

    domain: str
    model: str
    metric: str
    mean: float
    low: float | None
    high: float | None
    seeds: int
    interval: str | None
    majority: float | None
    ceiling: float | None
    runs: tuple[str, ...]


@dataclass(frozen=True)
class ModelPair:
    """The difference in accuracy of two models on the same graphs, over the runs that share their data."""

    domain: str
    first: str
    second: str
    runs: int
    result: PairedDifference


@dataclass(frozen=True)
class Comparison:
    """Rows, differences, and what has to be told about them.

    Attributes:
        rows: By domain and metric, the highest mean first.
        pairs: In each domain the model of the highest accuracy against each other one.
        notes: What a reader has to know: data that differ, settings that differ, repeated seeds.
        left_out: What was asked for and is not in the rows, with the reason and what to do.
    """

    rows: Sequence[ComparisonRow]
    pairs: Sequence[ModelPair] = ()
    notes: Sequence[str] = ()
    left_out: Sequence[str] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        pairs = [{**vars(pair), "result": None} | asdict(pair.result) for pair in self.pairs]
        return {
            "rows": [{**asdict(row), "runs": list(row.runs)} for row in self.rows],
            "pairs": [{key: value for key, value in pair.items() if key != "result"} for pair in pairs],
            "notes": list(self.notes),
            "left_out": list(self.left_out),
        }

    def table(self) -> Table:
        """The rows."""
        names = ("domain", "model", "metric", "mean", "low", "high", "seeds", "majority", "ceiling", "interval")
        rows = [tuple(getattr(row, name) for name in names) for row in self.rows]
        return Table(names, rows, formats=dict.fromkeys(("mean", "low", "high", "majority", "ceiling"), ".4f"))

    def pair_table(self) -> Table:
        """The differences."""
        names = ("domain", "first", "second", "difference", "low", "high", "only first", "only second", "p", "graphs")
        rows = [
            (p.domain, p.first, p.second, r.difference, r.low, r.high, r.only_first, r.only_second, r.p, r.samples)
            for p, r in ((pair, pair.result) for pair in self.pairs)
        ]
        return Table(names, rows, formats=dict.fromkeys(("difference", "low", "high"), "+.4f") | {"p": ".2g"})


def compare_results(
    results: Sequence[RunResult], wanted: Sequence[str] = ("accuracy",), *, left_out: Sequence[str] = ()
) -> Comparison:
    """Compares evaluated runs.

    Runs of a domain that differ in nothing but their seed are one row; others are rows of their own, named by the
    settings that differ.

    Args:
        results: Evaluated runs, in any order.
        wanted: Metrics: any figure of an evaluation that is one number.
        left_out: What is to be told as left out.

    Raises:
        DataError: If no run has one of the metrics.
    """
    models, notes = group_runs(results)
    _require_known(results, wanted)
    rows, missing = [], list(left_out)
    for metric in wanted:
        for model in models:
            having = [result for result in model.results if _value(result, metric) is not None]
            if having:
                rows.append(_row(model, having, metric))
            else:
                missing.append(f"{model.domain}, {model.label}: its evaluation has no {metric}")
    places = {metric: place for place, metric in enumerate(wanted)}
    rows.sort(key=lambda row: (row.domain, places[row.metric], -row.mean, row.model))
    pairs, told = _pairs(models)
    return Comparison(rows, pairs, [*notes, *told], missing)


def _require_known(results: Sequence[RunResult], wanted: Sequence[str]) -> None:
    known = sorted({name for result in results for name in result.evaluation if _value(result, name) is not None})
    for metric in wanted:
        if results and metric not in known:
            raise DataError(f"no run has the metric {metric!r}", hint=f"choose one of {', '.join(known)}")


def _value(result: RunResult, metric: str) -> float | None:
    value = result.evaluation.get(metric)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _row(model: SeedGroup, results: Sequence[RunResult], metric: str) -> ComparisonRow:
    values = np.array([_value(result, metric) for result in results], dtype=float)
    interval, made = _interval(results, metric, values)
    if interval is not None and metric.startswith(SHARES):
        interval = Interval(max(interval.low, 0.0), min(interval.high, 1.0))
    is_accuracy = metric == "accuracy"
    return ComparisonRow(
        model.domain,
        model.label,
        metric,
        mean=float(values.mean()),
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        seeds=len(results),
        interval=made,
        majority=_mean(results, "majority") if is_accuracy else None,
        ceiling=_mean(results, "ceiling") if is_accuracy else None,
        runs=tuple(result.run.name for result in results),
    )


def _mean(results: Sequence[RunResult], name: str) -> float | None:
    values = [value for result in results if (value := _value(result, name)) is not None]
    return float(np.mean(values)) if len(values) == len(results) else None


def _interval(results: Sequence[RunResult], metric: str, values: Array) -> tuple[Interval | None, str | None]:
    """Over the seeds by t; of a single run over its graphs, where its predictions allow it."""
    if len(values) > 1:
        return t_interval(values), f"t over {len(values)} seeds"
    one, resampled = results[0], "one run: bootstrap of its groups"
    if metric == "accuracy":
        low, high = _value(one, "accuracy_low"), _value(one, "accuracy_high")
        if low is not None and high is not None:
            return Interval(low, high), resampled
        samples = int(one.evaluation["samples"])
        return wilson_interval(round(float(values[0]) * samples), samples), "one run: Wilson's formula"
    if not split_file(one.run.predictions, one.split).exists():
        return None, None
    try:
        said = one.predictions
    except RunError as error:
        return None, f"none: {error.message}"
    if metric in OF_LOGITS:
        measure = OF_LOGITS[metric]
        return grouped_bootstrap(lambda at: measure(said.logits[at], said.labels[at]), said.groups), resampled
    if metric in OF_COLUMNS:
        errors = said.columns[metric].astype(float)
        return measures.bootstrap_interval(errors, said.groups), resampled
    return None, None


def _pairs(models: Sequence[SeedGroup]) -> tuple[list[ModelPair], list[str]]:
    pairs, notes = [], []
    for domain, members in groupby(models, key=lambda model: model.domain):
        ranked = sorted(members, key=lambda model: (-(_mean(model.results, "accuracy") or 0.0), model.label))
        for other in ranked[1:]:
            both = f"{domain}: {ranked[0].label} and {other.label}"
            try:
                pair = _pair(domain, ranked[0], other)
            except RunError as error:
                notes.append(f"{both} are not paired: {error}")
                continue
            if pair is None:
                notes.append(f"{both} are not paired: no two of their runs have the same seed and data")
            else:
                pairs.append(pair)
    return pairs, notes


def _pair(domain: str, first: SeedGroup, second: SeedGroup) -> ModelPair | None:
    """Graph by graph over all runs with the same seed and data; None where there are no such runs."""
    place: Mapping[tuple[int, str], RunResult] = {(r.seed, r.fingerprint): r for r in second.results}
    rights: list[tuple[Array, Array, Array]] = []
    for result in first.results:
        partner = place.get((result.seed, result.fingerprint))
        if partner is not None:
            one, other = result.predictions, partner.predictions
            _, at, at_other = np.intersect1d(one.index, other.index, return_indices=True)
            groups = np.char.add(f"{result.fingerprint[:16]}:", one.groups[at])
            rights.append((one.is_right[at], other.is_right[at_other], groups))
    if not rights:
        return None
    columns = [np.concatenate(column) for column in zip(*rights, strict=True)]
    return ModelPair(domain, first.label, second.label, len(rights), paired_difference(*columns))
