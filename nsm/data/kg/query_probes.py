"""Probes of the audit that only this domain can define: what the relation and the degrees say about a label."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from nsm.data.kg.source import DEGREES
from nsm.data.probes import TYPED
from nsm.data.trivial import FeatureTable

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["REPORTED", "STORY_REPORTED", "TOGETHER", "query_features"]

COMMON, TOGETHER = "common neighbours", "degrees that go together"
REPORTED = (COMMON, TOGETHER, "size", "node types", "edge types", "degrees", "all features", "single feature", TYPED)
"""Probes that are shown and fail nothing: how the subgraph looks, and which entities go together, is what a fact is to
be judged from. Where entities of a kind have equal degrees, as in UMLS, degrees that go together say nearly as much."""

STORY_REPORTED = ("edge types", "degrees", "all features", "single feature", TYPED)
"""The same for stories: which relations are in a story, in whatever order, says a good deal about what follows."""


def query_features(graphs: PackedGraphs) -> dict[str, FeatureTable]:
    """Named tables of features, one row per sample.

    Judged are the relation that is asked for, the degrees of head and tail in the training graph (all facts, and
    those of the asked relation: whether the entity takes part in it at all, and so is of a kind that fits), and both.
    Reported are the number of common neighbours, and the degrees with their products and differences, for which
    degrees of a true head and a true tail that go together have a score, even where each alone says nothing.
    """
    table = graphs.table
    _, relation = np.unique(np.array(table["relation"].to_pylist()), return_inverse=True)
    asked = FeatureTable(("asked relation",), relation[:, None].astype(np.float32))
    degrees = FeatureTable(DEGREES, np.stack([table[name].to_numpy() for name in DEGREES], axis=1).astype(np.float32))
    common = FeatureTable(("common",), table["common"].to_numpy()[:, None].astype(np.float32))
    return {
        "asked relation": asked,
        "degrees of head and tail": degrees,
        "relation and degrees": asked.beside(degrees),
        TOGETHER: asked.beside(degrees).beside(_interactions(degrees)),
        COMMON: common,
    }


def _interactions(degrees: FeatureTable) -> FeatureTable:
    """Products and differences of two columns: boosting never begins with a column that tells nothing alone."""
    names, columns = [], []
    for one, other in combinations(range(len(degrees.names)), 2):
        a, b = degrees.values[:, one], degrees.values[:, other]
        names += [f"{degrees.names[one]} x {degrees.names[other]}", f"{degrees.names[one]} - {degrees.names[other]}"]
        columns += [a * b, a - b]
    return FeatureTable(tuple(names), np.stack(columns, axis=1))
