"""Metrics of predictions: pure functions of arrays, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "Interval",
    "accuracy",
    "area_under_roc",
    "average_precision",
    "bootstrap_interval",
    "calibration_error_by_chance",
    "confidence_bins",
    "confusion_matrix",
    "expected_calibration_error",
    "majority",
    "per_class",
    "softmax",
    "wilson_interval",
]

Array = npt.NDArray[Any]

CALIBRATION_BINS = 15


@dataclass(frozen=True)
class Interval:
    """A confidence interval, both ends included."""

    low: float
    high: float


def softmax(logits: Array) -> npt.NDArray[np.float64]:
    """Class probabilities, computed in float64.

    Shapes:
        - **logits**, output: ``(G, K)``.
    """
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def accuracy(predicted: Array, labels: Array) -> float:
    """Share of predictions that are right; ``nan`` for no samples."""
    return float((predicted == labels).mean()) if len(labels) else float("nan")


def majority(labels: Array) -> float:
    """Accuracy of always answering the most frequent label; ``nan`` for no samples."""
    counts = np.unique(labels, return_counts=True)[1]
    return float(counts.max() / len(labels)) if len(labels) else float("nan")


def confusion_matrix(predicted: Array, labels: Array, num_classes: int) -> npt.NDArray[np.int64]:
    """Counts by true class (rows) and predicted class (columns): ``(K, K)``."""
    arguments = _ids(predicted), _ids(labels)
    matrix = _classification().multiclass_confusion_matrix(*arguments, num_classes=num_classes)
    return np.asarray(matrix.numpy(), dtype=np.int64)


def per_class(predicted: Array, labels: Array, names: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and support of each class, by its name; a ratio 0 / 0 counts as 0."""
    arguments = _ids(predicted), _ids(labels)
    options: dict[str, Any] = {"num_classes": len(names), "average": "none"}
    precision = _classification().multiclass_precision(*arguments, **options)
    recall = _classification().multiclass_recall(*arguments, **options)
    f1 = _classification().multiclass_f1_score(*arguments, **options)
    support = np.bincount(labels, minlength=len(names))
    return {
        name: {
            "precision": float(precision[index]),
            "recall": float(recall[index]),
            "f1": float(f1[index]),
            "support": int(support[index]),
        }
        for index, name in enumerate(names)
    }


def area_under_roc(logits: Array, labels: Array) -> float | None:
    """Area under the ROC curve: of class 1 for two classes, else the mean over one class against the rest.

    Returns:
        The area, or None where a class has no sample, since it is not defined then.

    Shapes:
        - **logits**: ``(G, K)``; **labels**: ``(G,)``.
    """
    if not _all_present(labels, logits.shape[1]):
        return None
    probabilities = _tensor(softmax(logits))
    if logits.shape[1] == 2:
        return float(_classification().binary_auroc(probabilities[:, 1], _ids(labels)))
    return float(_classification().multiclass_auroc(probabilities, _ids(labels), num_classes=logits.shape[1]))


def average_precision(logits: Array, labels: Array) -> float | None:
    """Average precision of class 1 for two classes, else the mean over classes; None if a class is absent."""
    if not _all_present(labels, logits.shape[1]):
        return None
    probabilities, num_classes = _tensor(softmax(logits)), logits.shape[1]
    if num_classes == 2:
        return float(_classification().binary_average_precision(probabilities[:, 1], _ids(labels)))
    return float(_classification().multiclass_average_precision(probabilities, _ids(labels), num_classes=num_classes))


def expected_calibration_error(logits: Array, labels: Array, bins: int = CALIBRATION_BINS) -> float:
    """Mean distance of confidence and accuracy over equal-width bins of the winning class's probability."""
    return float(
        _classification().multiclass_calibration_error(
            _tensor(softmax(logits)),
            _ids(labels),
            num_classes=logits.shape[1],
            n_bins=bins,
            norm="l1",
        )
    )


def confidence_bins(confidence: Array, bins: int) -> npt.NDArray[np.int64]:
    """The equal-width bin of each confidence; a bound belongs to the bin below it.

    Shapes:
        - **confidence**, output: ``(G,)``.

    Example:
        >>> confidence_bins(np.array([0.0, 0.5, 0.51, 1.0]), 2).tolist()
        [0, 0, 1, 1]
    """
    return np.asarray(np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1))


def calibration_error_by_chance(
    logits: Array, bins: int = CALIBRATION_BINS, *, seed: int = 0, draws: int = 200
) -> tuple[float, float]:
    """The calibration error that a perfectly calibrated model of the same confidences has on as many samples.

    Few samples leave a bin's accuracy off its confidence whatever the model, so an error is to be read beside this one.
    Each draw decides for every sample by its confidence whether the winning class is right.

    Returns:
        The mean over the draws, and what 95 % of them do not exceed; zeros for no samples.

    Source:
        Vaicenavicius et al., "Evaluating model calibration in classification" (2019), consistency resampling.
    """
    confidence = softmax(logits).max(axis=1)
    if not len(confidence):
        return 0.0, 0.0
    place = confidence_bins(confidence, bins)
    expected = np.bincount(place, confidence, bins)
    generator = np.random.default_rng(seed)
    errors = np.empty(draws)
    for draw in range(draws):
        right = np.bincount(place[generator.random(len(confidence)) < confidence], minlength=bins)
        errors[draw] = np.abs(right - expected).sum() / len(confidence)
    return float(errors.mean()), float(np.quantile(errors, 0.95))


def wilson_interval(right: int, total: int, z: float = 1.959964) -> Interval:
    """Wilson's 95 % interval of a share of independent samples; [0, 1] for no samples.

    Example:
        >>> interval = wilson_interval(95, 100)
        >>> round(interval.low, 3), round(interval.high, 3)
        (0.888, 0.978)
    """
    if not total:
        return Interval(0.0, 1.0)
    share, scale = right / total, 1.0 + z**2 / total
    centre = (share + z**2 / (2 * total)) / scale
    width = z * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2)) / scale
    return Interval(max(0.0, float(centre - width)), min(1.0, float(centre + width)))


def bootstrap_interval(values: Array, groups: Array, *, seed: int = 0, resamples: int = 2000) -> Interval:
    """95 % percentile interval of a mean, by resampling whole groups (twins are not independent).

    Args:
        values: One number per sample, for instance 1 where the prediction is right.
        groups: The group of each sample.
        seed: Seed of the resampling.
        resamples: How often the groups are drawn.

    Shapes:
        - **values**, **groups**: ``(G,)``, at least one sample.
    """
    _, index = np.unique(groups, return_inverse=True)
    total, count = np.bincount(index, values), np.bincount(index)
    generator = np.random.default_rng(seed)
    means = np.empty(resamples)
    for draw in range(resamples):
        weight = np.bincount(generator.integers(0, len(total), len(total)), minlength=len(total))
        means[draw] = (weight @ total) / (weight @ count)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(low), float(high))


def _classification() -> Any:
    """The metrics of TorchMetrics; imported late, since a process that only draws needs no torch."""
    from torchmetrics.functional import classification

    return classification


def _tensor(values: Array) -> Any:
    import torch

    return torch.from_numpy(values)


def _ids(labels: Array) -> Any:
    return _tensor(np.ascontiguousarray(labels, dtype=np.int64))


def _all_present(labels: Array, num_classes: int) -> bool:
    return bool((np.bincount(labels, minlength=num_classes) > 0).all())
