"""Temperature and reliability."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsm.analysis import calibration
from nsm.analysis.metrics import expected_calibration_error, softmax


def draw(temperature: float, seed: int = 0, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are ``temperature`` times too bold for their labels."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, 2))
    labels = (random.random(count) < softmax(logits)[:, 1]).astype(np.int64)
    return logits * temperature, labels


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_planted_temperature_is_found(temperature: float) -> None:
    assert calibration.fit_temperature(*draw(temperature)) == pytest.approx(temperature, rel=0.1)


def test_calibration_helps_on_other_data() -> None:
    found = calibration.fit_temperature(*draw(3.0))
    logits, labels = draw(3.0, seed=1)
    before, after = (expected_calibration_error(z, labels) for z in (logits, logits / found))
    assert after < 0.5 * before
    assert calibration.negative_log_likelihood(logits / found, labels) < calibration.negative_log_likelihood(
        logits, labels
    )


def test_a_model_that_is_never_wrong_keeps_its_confidences() -> None:
    logits = np.array([[3.0, 0.0], [0.0, 3.0]])
    assert calibration.fit_temperature(logits, np.array([0, 1])) == 1.0
    assert calibration.fit_temperature(logits, np.array([0, 0])) > 1.0
    assert calibration.fit_temperature(np.zeros((0, 2)), np.zeros(0, dtype=np.int64)) == 1.0


@given(st.integers(0, 10_000), st.integers(2, 20))
def test_the_table_and_the_error_are_of_one_piece(seed: int, bins: int) -> None:
    logits, labels = draw(2.0, seed=seed, count=200)
    table = calibration.reliability_table(logits, labels, bins)
    assert sum(row.samples for row in table) == 200
    assert all(row.low <= row.confidence <= row.high for row in table)
    error = sum(row.samples * abs(row.confidence - row.accuracy) for row in table) / 200
    assert error == pytest.approx(expected_calibration_error(logits, labels, bins), abs=1e-5)


def test_likelihood_of_certainty() -> None:
    logits, labels = np.array([[0.0, 0.0]]), np.array([1])
    assert calibration.negative_log_likelihood(logits, labels) == pytest.approx(np.log(2))
    assert np.isfinite(calibration.negative_log_likelihood(np.array([[0.0, -1e6]]), labels))
