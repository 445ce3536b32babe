"""Metrics against hand-made cases and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from nsm.analysis import metrics


@pytest.fixture(scope="module")
def binary() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 300)
    return random.normal(size=(300, 2)) + np.eye(2)[labels], labels


@pytest.fixture(scope="module")
def ternary() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    labels = random.integers(0, 3, 300)
    return random.normal(size=(300, 3)) + 1.5 * np.eye(3)[labels], labels


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_the_calibration_error_by_chance_is_that_of_labels_drawn_from_the_probabilities(scale: float) -> None:
    random = np.random.default_rng(2)
    logits = scale * random.normal(size=(250, 3))
    cumulated = metrics.softmax(logits).cumsum(axis=1)
    drawn = [(random.random((250, 1)) > cumulated).sum(axis=1) for _ in range(800)]
    errors = [metrics.expected_calibration_error(logits, labels) for labels in drawn]
    mean, high = metrics.calibration_error_by_chance(logits)
    assert mean == pytest.approx(np.mean(errors), rel=0.08)
    assert high == pytest.approx(np.quantile(errors, 0.95), rel=0.12)
    assert metrics.calibration_error_by_chance(logits) == (mean, high)


def test_the_calibration_error_by_chance_falls_with_the_number_of_samples() -> None:
    logits = np.random.default_rng(3).normal(size=(200, 2))
    few, many = (metrics.calibration_error_by_chance(np.tile(logits, (count, 1)))[0] for count in (1, 25))
    assert few / many == pytest.approx(5, rel=0.2)
    certain = np.array([[50.0, -50.0]] * 10)
    assert metrics.calibration_error_by_chance(certain) == (0.0, 0.0)
    assert metrics.calibration_error_by_chance(certain[:0]) == (0.0, 0.0)


def test_softmax_is_exact_for_large_logits() -> None:
    probabilities = metrics.softmax(np.array([[1000.0, 1000.0], [-1000.0, 0.0]]))
    np.testing.assert_allclose(probabilities, [[0.5, 0.5], [0.0, 1.0]])


@pytest.mark.parametrize("case", ["binary", "ternary"])
def test_ranking_metrics_are_those_of_scikit_learn(case: str, request: pytest.FixtureRequest) -> None:
    logits, labels = request.getfixturevalue(case)
    scores = metrics.softmax(logits)
    asked = scores[:, 1] if case == "binary" else scores
    expected = reference.roc_auc_score(labels, asked, multi_class="ovr")
    assert metrics.area_under_roc(logits, labels) == pytest.approx(expected, abs=1e-6)
    precision = reference.average_precision_score(labels, asked)
    assert metrics.average_precision(logits, labels) == pytest.approx(precision, abs=1e-6)


@pytest.mark.parametrize("case", ["binary", "ternary"])
def test_class_metrics_are_those_of_scikit_learn(case: str, request: pytest.FixtureRequest) -> None:
    logits, labels = request.getfixturevalue(case)
    predicted, names = logits.argmax(axis=1), ("a", "b", "c")[: logits.shape[1]]
    rows = metrics.per_class(predicted, labels, names)
    expected = reference.precision_recall_fscore_support(labels, predicted)
    for index, name in enumerate(names):
        for key, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
            assert rows[name][key] == pytest.approx(values[index], abs=1e-6)
    matrix = metrics.confusion_matrix(predicted, labels, len(names))
    assert matrix.tolist() == reference.confusion_matrix(labels, predicted).tolist()


def test_a_class_that_never_occurs() -> None:
    logits, labels = np.array([[2.0, 0.0], [1.0, 0.0]]), np.array([0, 0])
    assert metrics.area_under_roc(logits, labels) is None
    assert metrics.average_precision(logits, labels) is None
    assert metrics.per_class(np.array([0, 0]), labels, ("no", "yes"))["yes"]["f1"] == 0.0


def test_accuracy_and_majority() -> None:
    assert metrics.accuracy(np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0])) == 0.75
    assert metrics.majority(np.array([1, 0, 0, 0])) == 0.75
    assert np.isnan(metrics.accuracy(np.array([]), np.array([])))


def test_calibration_error_of_a_known_case() -> None:
    """100 predictions of 0.9 of which 70 are right are off by 0.2."""
    logits = np.tile([0.0, np.log(9.0)], (100, 1))
    labels = np.array([1] * 70 + [0] * 30)
    assert metrics.expected_calibration_error(logits, labels) == pytest.approx(0.2, abs=1e-6)


@given(st.integers(0, 60), st.integers(1, 60))
def test_wilson_holds_the_share_and_stays_in_bounds(right: int, total: int) -> None:
    right = min(right, total)
    interval = metrics.wilson_interval(right, total)
    assert 0.0 <= interval.low <= right / total + 1e-12
    assert right / total - 1e-12 <= interval.high <= 1.0
    more = metrics.wilson_interval(10 * right, 10 * total)
    assert more.high - more.low < interval.high - interval.low


def test_wilson_of_nothing_says_nothing() -> None:
    assert metrics.wilson_interval(0, 0) == metrics.Interval(0.0, 1.0)


def test_bootstrap_takes_groups_as_a_whole() -> None:
    values = np.repeat(np.random.default_rng(0).integers(0, 2, 40), 10).astype(float)
    grouped = metrics.bootstrap_interval(values, np.repeat(np.arange(40), 10), seed=1)
    alone = metrics.bootstrap_interval(values, np.arange(400), seed=1)
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    assert grouped.low <= values.mean() <= grouped.high
    assert grouped == metrics.bootstrap_interval(values, np.repeat(np.arange(40), 10), seed=1)
