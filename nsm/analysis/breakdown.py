"""Accuracy by a column of the table: by family, by length, by the distance from a failure to its cause."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.analysis.metrics import accuracy, majority, wilson_interval

__all__ = ["DISTANCES", "by_category", "by_distance", "by_length", "describe_part"]

Array = npt.NDArray[Any]
Part = dict[str, float | int | None]

DISTANCES = ((1, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, None))
LENGTH_WIDTH = 4
MAX_LENGTHS = 12


def describe_part(predicted: Array, labels: Array, ceilings: Array | None, members: Array) -> Part:
    """Samples, accuracy with Wilson's 95 % interval, majority and mean ceiling of some of the samples.

    ``attained`` is how far the accuracy has come on the way from the majority to the ceiling: 0 at the former, 1 at the
    latter, None where no ceiling is known above the majority.

    Args:
        predicted: Predicted class of every sample.
        labels: True class of every sample.
        ceilings: The best accuracy that is possible on each sample, ``nan`` where it is unknown; or None.
        members: Positions of the samples to describe.
    """
    right = int((predicted[members] == labels[members]).sum())
    interval = wilson_interval(right, len(members))
    reached, least = accuracy(predicted[members], labels[members]), majority(labels[members])
    most = mean_ceiling(ceilings, members)
    return {
        "samples": len(members),
        "accuracy": reached,
        "low": interval.low,
        "high": interval.high,
        "majority": least,
        "ceiling": most,
        "attained": None if most is None or most <= least else (reached - least) / (most - least),
    }


def mean_ceiling(ceilings: Array | None, members: Array) -> float | None:
    """Mean ceiling of some samples; None where it is unknown for any of them."""
    if ceilings is None or not len(members) or np.isnan(ceilings[members]).any():
        return None
    return float(ceilings[members].mean())


def by_category(predicted: Array, labels: Array, column: Array, ceilings: Array | None = None) -> dict[str, Part]:
    """One part for each value of a column, in sorted order."""
    return {
        str(value): describe_part(predicted, labels, ceilings, np.flatnonzero(column == value))
        for value in np.unique(column).tolist()
    }


def by_length(predicted: Array, labels: Array, lengths: Array) -> dict[str, Part]:
    """Parts of one length each, ``2``, ``3``, ..., or where there are many of four consecutive ones, ``8-11``, ..."""
    if len(np.unique(lengths)) <= MAX_LENGTHS:
        return by_category(predicted, labels, lengths)
    first = lengths // LENGTH_WIDTH * LENGTH_WIDTH
    return {
        f"{start}-{start + LENGTH_WIDTH - 1}": describe_part(predicted, labels, None, np.flatnonzero(first == start))
        for start in np.unique(first).tolist()
    }


def by_distance(predicted: Array, labels: Array, distances: Array) -> dict[str, Part]:
    """Parts by how many steps lie between a failure and its cause.

    Twins carry the distance of the one that fails, so a part holds failures together with their valid
    counterparts, and answering "invalid" every time gains nothing. Samples with a distance below 1 are in no
    part.

    Shapes:
        - all arguments: ``(G,)``.
    """
    parts: dict[str, Part] = {}
    for low, high in DISTANCES:
        members = np.flatnonzero((distances >= low) & (distances <= (high or np.inf)))
        if len(members):
            parts[f"{low}-{high}" if high else f"{low}+"] = describe_part(predicted, labels, None, members)
    return parts
