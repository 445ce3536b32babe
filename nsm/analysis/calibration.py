"""Calibration: is 0.8 right in 80 of 100 cases, and the temperature that makes it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.analysis.metrics import CALIBRATION_BINS, confidence_bins, softmax

__all__ = ["ReliabilityBin", "fit_temperature", "negative_log_likelihood", "reliability_table"]

Array = npt.NDArray[Any]

LOG_TEMPERATURE_BOUNDS = (-3.0, 5.0)


@dataclass(frozen=True)
class ReliabilityBin:
    """Samples whose confidence lies in (low, high]; ``confidence`` and ``accuracy`` are their means."""

    low: float
    high: float
    samples: int
    confidence: float
    accuracy: float


def reliability_table(logits: Array, labels: Array, bins: int = CALIBRATION_BINS) -> list[ReliabilityBin]:
    """Confidence against accuracy in equal-width bins of the winning class's probability, without empty bins.

    Shapes:
        - **logits**: ``(G, K)``; **labels**: ``(G,)``.
    """
    probabilities = softmax(logits)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = confidence_bins(confidence, bins)
    return [
        ReliabilityBin(
            low=index / bins,
            high=(index + 1) / bins,
            samples=int((place == index).sum()),
            confidence=float(confidence[place == index].mean()),
            accuracy=float(right[place == index].mean()),
        )
        for index in np.unique(place).tolist()
    ]


def negative_log_likelihood(logits: Array, labels: Array) -> float:
    """Mean of -log p(label), in nats."""
    chosen = softmax(logits)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, np.finfo(np.float64).tiny)).mean())


def fit_temperature(logits: Array, labels: Array) -> float:
    """The T that makes ``softmax(logits / T)`` most likely; fit it on validation data only.

    Returns:
        The temperature, between 0.05 and 148; 1.0 where all are judged rightly, which says nothing about how sure one
        may be (the likelihood then grows without end as T falls), and for no samples.

    Shapes:
        - **logits**: ``(G, K)``; **labels**: ``(G,)``.
    """
    from scipy.optimize import minimize_scalar

    if not (logits.argmax(axis=1) != labels).any():
        return 1.0
    found = minimize_scalar(
        lambda log: negative_log_likelihood(logits / np.exp(log), labels),
        bounds=LOG_TEMPERATURE_BOUNDS,
        method="bounded",
        options={"xatol": 1e-5},
    )
    return float(np.exp(found.x))
