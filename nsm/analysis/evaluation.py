"""The evaluation of one model on one split: predictions in, one dictionary out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.analysis import metrics
from nsm.analysis.breakdown import by_category, by_distance, by_length, mean_ceiling
from nsm.analysis.calibration import negative_log_likelihood, reliability_table
from nsm.analysis.probing import Decoded

__all__ = ["Predictions", "evaluate_predictions"]

Array = npt.NDArray[Any]

PROTOCOL = (
    "The predicted class is the one of the highest logit. Intervals: 95 %, for the headline accuracy by "
    "2,000 bootstrap resamples of whole groups (twins share a group), for parts by Wilson's formula. ECE: 15 "
    "equal-width bins of the winning class's probability, before calibration; the calibrated one uses a "
    "temperature fitted on the validation split. By distance: each failure together with its valid twin, by "
    "the steps from the failing step back to its cause. Attained: the share of the way from the majority to "
    "the ceiling; where a confounder is not drawn, the ceiling is an upper bound, since a model cannot see it."
)


@dataclass(frozen=True)
class Predictions:
    """What a model said about every graph of a split.

    Shapes:
        - **logits**: ``(G, K)``; **labels**, **groups**: ``(G,)``.
        - **reconstruction_exact**, **reconstruction_abstract**: ``(G,)`` errors per graph, with and without details;
          None for a model that does not reconstruct.
        - **reconstruction_structure**: ``(G,)`` the latter of an abstract level whose nodes are all alike;
          **top_share**: ``(G,)`` the share of a graph's nodes that are at the top. None for other models than ours.
        - **levels_exact**, **levels_abstract**: the same per level below the top, from 0 up; none for such a model.
    """

    logits: Array
    labels: Array
    groups: Array
    reconstruction_exact: Array | None = None
    reconstruction_abstract: Array | None = None
    reconstruction_structure: Array | None = None
    top_share: Array | None = None
    levels_exact: Sequence[Array] = ()
    levels_abstract: Sequence[Array] = ()


def evaluate_predictions(
    predictions: Predictions,
    columns: Mapping[str, Array],
    *,
    split: str,
    label_names: tuple[str, ...],
    temperature: float | None = None,
    decoded: Decoded | None = None,
    decoded_structure: Decoded | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Everything an evaluation reports, as a JSON object.

    Args:
        predictions: What the model said, one row per graph.
        columns: Of the data set's table. Used where present: ``family``, ``rung``, ``reach`` (where twins
            differ), ``confounder`` (whether one is hidden, and drawn), ``length``, ``distance`` (from a failure to its
            cause) and ``ceiling`` (best possible accuracy); None where there is none.
        split, label_names: Names of the split and of the classes.
        temperature: Fitted on the validation split, or None.
        decoded: What a probe reads from the reconstruction.
        decoded_structure: The same where all nodes of the abstract level are alike.

    Raises:
        ValueError: If there are no samples.
    """
    logits, labels = predictions.logits, np.asarray(predictions.labels, dtype=np.int64)
    if not len(labels):
        raise ValueError(f"the {split} split has no samples to evaluate")
    predicted, ceilings = logits.argmax(axis=1), _floats(columns.get("ceiling"))
    return {
        "split": split,
        "samples": len(labels),
        **_headline(predicted, labels, predictions.groups, seed),
        "ceiling": mean_ceiling(ceilings, np.arange(len(labels))),
        **_ranking(logits, labels),
        **_calibration(logits, labels, temperature),
        "per_class": metrics.per_class(predicted, labels, label_names),
        "confusion": metrics.confusion_matrix(predicted, labels, len(label_names)).tolist(),
        **_reconstruction(predictions, decoded, decoded_structure),
        **_parts(predicted, labels, columns, ceilings),
        "protocol": PROTOCOL,
    }


def _headline(predicted: Array, labels: Array, groups: Array, seed: int) -> dict[str, float]:
    right = (predicted == labels).astype(np.float64)
    interval = metrics.bootstrap_interval(right, groups, seed=seed)
    return {
        "accuracy": float(right.mean()),
        "accuracy_low": interval.low,
        "accuracy_high": interval.high,
        "majority": metrics.majority(labels),
    }


def _ranking(logits: Array, labels: Array) -> dict[str, float | None]:
    return {
        "auc": metrics.area_under_roc(logits, labels),
        "average_precision": metrics.average_precision(logits, labels),
    }


def _reconstruction(predictions: Predictions, decoded: Decoded | None, structure: Decoded | None) -> dict[str, Any]:
    return {
        "reconstruction_exact": _mean(predictions.reconstruction_exact),
        "reconstruction_abstract": _mean(predictions.reconstruction_abstract),
        "reconstruction_structure": _mean(predictions.reconstruction_structure),
        "top_share": _mean(predictions.top_share),
        "reconstruction_by_level": [
            {"level": level, "exact": float(exact.mean()), "abstract": float(abstract.mean())}
            for level, (exact, abstract) in enumerate(
                zip(predictions.levels_exact, predictions.levels_abstract, strict=True)
            )
        ],
        "decoded": decoded.share if decoded else None,
        "decoded_structure": structure.share if structure else None,
        "decoded_majority": decoded.majority if decoded else None,
    }


def _calibration(logits: Array, labels: Array, temperature: float | None) -> dict[str, Any]:
    scaled = None if temperature is None else logits / temperature
    chance, chance_high = metrics.calibration_error_by_chance(logits if scaled is None else scaled)
    return {
        "ece": metrics.expected_calibration_error(logits, labels),
        "ece_calibrated": None if scaled is None else metrics.expected_calibration_error(scaled, labels),
        "ece_by_chance": chance,
        "ece_by_chance_high": chance_high,
        "temperature": temperature,
        "nll": negative_log_likelihood(logits, labels),
        "nll_calibrated": None if scaled is None else negative_log_likelihood(scaled, labels),
        "reliability": [asdict(row) for row in reliability_table(logits, labels)],
    }


def _parts(predicted: Array, labels: Array, columns: Mapping[str, Array], ceilings: Array | None) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    rungs, families = columns.get("rung"), columns.get("family")
    is_by_rung = rungs is not None and families is not None and bool((rungs == families).all())  # one of them will do
    for name in ("rung", "reach", "confounder") if is_by_rung else ("family", "rung", "reach", "confounder"):
        if name in columns:
            parts[f"by_{name}"] = by_category(predicted, labels, columns[name], ceilings)
    if "length" in columns:
        parts["by_length"] = by_length(predicted, labels, np.asarray(columns["length"], dtype=np.int64))
    distances = _floats(columns.get("distance"))
    if distances is not None:
        parts["by_distance"] = by_distance(predicted, labels, distances)
    return parts


def _mean(values: Array | None) -> float | None:
    return None if values is None else float(np.mean(values))


def _floats(column: Array | None) -> Array | None:
    """The column as floats; whatever is missing becomes ``nan``."""
    return None if column is None else np.array([np.nan if v is None else v for v in column.tolist()], float)
