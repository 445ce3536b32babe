"""Finds features that equal the label, and names that stand in several splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from nsm.data.trivial import FeatureTable

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["equal_features", "shared_names"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

MAX_VALUES = 8  # a feature of more values than this, or than labels, is left to the statistical probes
MAX_CHANCE = 1e-6
MAX_NAMED = 3
PLAIN = ("edge_types", "node_types", "values", "typed_edges", "typed_values")
"""What an edge or a node is, and not how many there are."""


def equal_features(
    tables: Mapping[str, FeatureTable], labels: Ints, groups: Ints, names: Sequence[str], *, seed: int = 0
) -> tuple[str, ...]:
    """Names the features that tell the label of every graph without exception.

    A feature is a relation, a node type or a value as ``nsm.data.trivial.trivial_features`` counts them. Either it
    is there exactly where the label is a certain one, or it has few values and each goes with one label only. That
    so many graphs agree by chance must be less likely than one in a million, all features counted, but of each
    group one graph only: graphs of a group may be alike.

    Args:
        tables: Named feature tables, rows in the order of ``labels``.
        labels: The label of each graph.
        groups: The group of each graph.
        names: Names of the labels.
        seed: Seed of the draw of one graph per group.

    Returns:
        Sentences, such as "relation leak is there exactly where the label is 'valid'"; three at most.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    drawn = labels[order[np.unique(groups[order], return_index=True)[1]]]
    plain = [tables[name] for name in PLAIN]
    columns = {name: column for table in plain for name, column in zip(table.names, table.values.T, strict=True)}
    allowed = np.log(MAX_CHANCE) - np.log(max(len(columns), 1))
    found = []
    for name, column in columns.items():
        code = _marked_label(column, labels)
        if code is not None and _chance(drawn == code) < allowed:
            found.append(f"{name} is there exactly where the label is {names[code]!r}")
        elif code is None:
            mapping = _mapping(column, labels, max(MAX_VALUES, len(names)))
            told = ", ".join(f"{value:g} for {names[code]!r}" for value, code in mapping.items())
            if mapping and _chance(drawn) + len(mapping) * np.log(len(set(mapping.values()))) < allowed:
                found.append(f"{name} equals the label: {told}")
    return tuple(found[:MAX_NAMED])


def shared_names(graphs: PackedGraphs) -> int:
    """Number of names of nodes that stand in more than one split."""
    placed = zip(graphs.names(), graphs.splits.tolist(), strict=True)
    pairs = {(name, split) for names, split in placed for name in names}
    return sum(count > 1 for count in Counter(name for name, _ in pairs).values())


def _marked_label(column: Floats, labels: Ints) -> int | None:
    """The label of exactly the graphs where the feature is not zero; None where there is no such label."""
    is_there = column != 0
    if not is_there.any() or is_there.all():
        return None
    code = int(labels[is_there.argmax()])
    return code if np.array_equal(is_there, labels == code) else None


def _mapping(column: Floats, labels: Ints, most: int) -> dict[float, int]:
    """The one label of each value of the feature; empty where a value has two, or there are too many values."""
    values, first, index = np.unique(column, return_index=True, return_inverse=True)
    if not 2 <= len(values) <= most:
        return {}
    of_value = labels[first]
    if (of_value[index] != labels).any() or len(np.unique(of_value)) < 2:
        return {}
    return dict(zip(values.tolist(), of_value.tolist(), strict=True))


def _chance(labels: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> float:
    """Logarithm of the probability of one arrangement of these labels among all."""
    counts = np.unique(labels, return_counts=True)[1]
    return float(gammaln(counts + 1.0).sum() - gammaln(len(labels) + 1.0))
