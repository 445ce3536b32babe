"""Probes: how well do trivial features predict the label, and is that more than chance?

A probe is cross-validated by group (twins share a group), and compared with the majority class on the same
samples.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.trivial import FeatureTable

__all__ = [
    *("LEAVES", "PROBES", "ROUNDS", "TYPED", "ProbeScore", "boost", "boosted_predictions", "booster", "majority_share"),
    *("margin_lower_bound", "naive_bayes_predictions", "out_of_fold", "run_probes", "score_probe"),
    "single_feature_predictions",
]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

FOLDS = 5
LEVEL = 0.05
VALUE_BINS = 16
ROUNDS, LEAVES = 60, 15  # of gradient boosting: trees one after the other, and leaves of each at most
SMOOTHING = 0.1  # of the counts of naive Bayes
PROBES = {
    "size": ("size",),
    "node types": ("node_types",),
    "edge types": ("edge_types",),
    "degrees": ("degrees",),
    "all features": ("size", "node_types", "edge_types", "degrees", "values"),
}
SINGLE, TYPED = "single feature", "edges between types"
ONLY_EQUAL = ("typed_values",)  # too near to what may be reasoned from: these fail only where they equal the label


@dataclass(frozen=True)
class ProbeScore:
    """What one probe scored.

    Attributes:
        name: Which features it saw.
        accuracy: Share of out-of-fold predictions that are right.
        low: Lower 95 % bound of (accuracy - majority), corrected for the number of probes.
        features: How many columns it saw.
        feature: The column a single-feature probe chose most often, else the empty string.
        judged: Whether too high a score fails the data set; else it is only shown.
    """

    name: str
    accuracy: float
    low: float
    features: int
    feature: str = ""
    judged: bool = True


def majority_share(labels: Ints) -> float:
    """The share of the most frequent label; 0.0 for no labels."""
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels)) if len(labels) else 0.0


def run_probes(
    tables: Mapping[str, FeatureTable],
    labels: Ints,
    groups: Ints,
    *,
    own: Mapping[str, FeatureTable] | None = None,
    reported: Collection[str] = (),
    seed: int = 0,
) -> tuple[ProbeScore, ...]:
    """Scores every probe of the audit on the tables of ``nsm.data.trivial.trivial_features``.

    Args:
        tables: Named feature tables, rows in the order of ``labels``.
        labels: The label of each graph, integers.
        groups: The group of each graph; a group is never split between folds.
        own: Tables of the domain, each a probe of its own.
        reported: Names of the probes that are not judged.
        seed: Seed of the folds and of the boosting.

    Shapes:
        - **labels**, **groups**: ``(G,)``.
    """
    named = {name: _join(tables, parts) for name, parts in PROBES.items()} | dict(own or {})
    count = len(named) + 2
    scores = []
    for name, table in named.items():
        predicted = boosted_predictions(table.values, labels, groups, seed=seed)
        scores.append(score_probe(name, predicted, labels, groups, probes=count, features=len(table.names)))
    typed = tables["typed_edges"]
    predicted = naive_bayes_predictions(typed.values, labels, groups, seed=seed)
    scores.append(score_probe(TYPED, predicted, labels, groups, probes=count, features=len(typed.names)))
    table = _join(tables, tuple(name for name in tables if name not in ONLY_EQUAL))
    predicted, chosen = single_feature_predictions(table, labels, groups, seed=seed)
    scores.append(
        score_probe(SINGLE, predicted, labels, groups, probes=count, features=len(table.names), feature=chosen)
    )
    return tuple(replace(score, judged=score.name not in reported) for score in scores)


def score_probe(
    name: str,
    predicted: Ints,
    labels: Ints,
    groups: Ints,
    *,
    probes: int,
    features: int,
    feature: str = "",
) -> ProbeScore:
    """Accuracy and corrected lower bound of one probe's out-of-fold predictions."""
    right = predicted == labels
    values, counts = np.unique(labels, return_counts=True)
    margin = right.astype(np.float64) - (labels == values[counts.argmax()])
    low = margin_lower_bound(margin, groups, comparisons=probes)
    return ProbeScore(name, float(right.mean()), low, features, feature)


def margin_lower_bound(margin: npt.NDArray[np.float64], groups: Ints, *, comparisons: int = 1) -> float:
    r"""One-sided lower 95 % bound of a mean over samples that are alike within a group.

    The variance is the cluster sandwich, :math:`\frac{G}{G-1} \sum_g (\sum_{i \in g} (m_i - \bar m))^2 /
    n^2`; the quantile is Student's with G - 1 degrees of freedom at the level 0.05 / ``comparisons``
    (Bonferroni).

    Args:
        margin: One number per sample, for instance (probe right) - (majority right).
        groups: The group of each sample.
        comparisons: How many bounds are looked at together.

    Returns:
        The bound; the trivial one, -1, where there are fewer than two groups, since nothing can be said then.
    """
    from scipy.stats import t as student

    _, index = np.unique(groups, return_inverse=True)
    num_groups = int(index.max()) + 1 if len(index) else 0
    if num_groups < 2:
        return -1.0
    mean = float(margin.mean())
    deviation = np.bincount(index, margin - mean)
    error = np.sqrt(num_groups / (num_groups - 1) * (deviation**2).sum()) / len(margin)
    return mean - float(student.ppf(1.0 - LEVEL / comparisons, num_groups - 1)) * float(error)


def boosted_predictions(values: Floats, labels: Ints, groups: Ints, *, seed: int = 0) -> Ints:
    """Out-of-fold predictions of gradient boosting, cross-validated by group, on one thread.

    Shapes:
        - **values**: ``(G, F)``; **labels**, **groups**, result: ``(G,)``.
    """

    def predict(train: Ints, test: Ints) -> Ints:
        return boost(values[train], labels[train], values[test], seed=seed)

    return out_of_fold(predict, groups, seed=seed)


def boost(values: Floats, labels: Ints, test_values: Floats, *, seed: int) -> Ints:
    """Fits gradient boosting and predicts the test rows; constant columns and one-sided labels are allowed.

    Shapes:
        - **values**: ``(G, F)``; **labels**: ``(G,)``; **test_values**: ``(T, F)``; result: ``(T,)``.
    """
    kept = (values != values[:1]).any(axis=0)
    if not kept.any() or len(np.unique(labels)) < 2:
        return _majority(labels, len(test_values))
    model = booster(seed).fit(values[:, kept], labels)
    return np.asarray(model.predict(test_values[:, kept]), dtype=np.int64)


def naive_bayes_predictions(counts: Floats, labels: Ints, groups: Ints, *, seed: int = 0) -> Ints:
    """Out-of-fold predictions of multinomial naive Bayes, which adds up what many rare counts say.

    Such are edges between types that do not fit; boosting drowns them in noise.

    Shapes:
        - **counts**: ``(G, F)``, none negative; **labels**, **groups**, result: ``(G,)``.
    """
    from sklearn.naive_bayes import MultinomialNB

    def predict(train: Ints, test: Ints) -> Ints:
        if not counts.shape[1]:
            return _majority(labels[train], len(test))
        return np.asarray(MultinomialNB(alpha=SMOOTHING).fit(counts[train], labels[train]).predict(counts[test]))

    return out_of_fold(predict, groups, seed=seed)


def out_of_fold(predict: Callable[[Ints, Ints], Ints], groups: Ints, *, seed: int) -> Ints:
    """Predicts each sample from folds that hold no sample of its group.

    Args:
        predict: Maps (training positions, test positions) to predictions for the test positions.
        groups: The group of each sample.
        seed: Seed of the assignment of groups to folds.
    """
    from threadpoolctl import threadpool_limits

    result = np.full(len(groups), -1, dtype=np.int64)
    with threadpool_limits(limits=1):  # more threads are slower on small tables
        for fold in _folds(groups, seed):
            test = np.flatnonzero(fold)
            result[test] = predict(np.flatnonzero(~fold), test)
    return result


def single_feature_predictions(table: FeatureTable, labels: Ints, groups: Ints, *, seed: int = 0) -> tuple[Ints, str]:
    """Out-of-fold predictions from the one feature that predicts the training folds best.

    It finds what boosting drowns in noise: one edge or feature that gives the label away in a small share of
    the graphs. A value predicts another label than the majority only where its training counts say so beyond
    two standard deviations.

    Returns:
        The predictions, and the name of the feature that was chosen in most folds.
    """
    values, classes = np.unique(labels, return_inverse=True)
    binned = np.stack([_bins(column) for column in table.values.T], axis=1) if table.names else None
    chosen: list[str] = []

    def predict(train: Ints, test: Ints) -> Ints:
        if binned is None:
            return _majority(labels[train], len(test))
        column, answer = _best_feature(binned[train], classes[train], len(values))
        chosen.append(table.names[column])
        return np.asarray(values[answer[binned[test, column]]], dtype=np.int64)

    predicted = out_of_fold(predict, groups, seed=seed)
    return predicted, max(chosen, key=chosen.count) if chosen else ""


def _best_feature(binned: Ints, classes: Ints, num_classes: int) -> tuple[int, Ints]:
    """The column whose bins predict best, and the class that each of its bins predicts."""
    num_columns = binned.shape[1]
    flat = (np.arange(num_columns) * VALUE_BINS + binned) * num_classes + classes[:, None]
    counts = np.bincount(flat.ravel(), minlength=num_columns * VALUE_BINS * num_classes)
    counts = counts.reshape(num_columns, VALUE_BINS, num_classes)
    share = np.bincount(classes, minlength=num_classes) / len(classes)
    majority = int(share.argmax())
    answer, size = counts.argmax(axis=2), counts.sum(axis=2)
    sure = counts.max(axis=2) - counts[:, :, majority] > 2.0 * np.sqrt(size)
    expected = np.maximum(size[:, :, None] * share, 1e-12)
    surprise = (counts * np.log(np.maximum(counts, 1e-12) / expected)).sum(axis=2)  # log-likelihood ratio
    best = int((surprise * sure).sum(axis=1).argmax())
    return best, np.where(sure[best], answer[best], majority).astype(np.int64)


def _bins(column: Floats) -> Ints:
    """Bin of each value: one per distinct value while they fit, else by quantiles."""
    distinct = np.unique(column)
    if len(distinct) > VALUE_BINS:
        distinct = np.unique(np.quantile(column, np.arange(VALUE_BINS) / VALUE_BINS, method="lower"))
    return np.searchsorted(distinct, column, side="right").astype(np.int64) - 1


def _folds(groups: Ints, seed: int) -> list[npt.NDArray[np.bool_]]:
    """Boolean masks of the test folds: groups in random order, each to the fold that is smallest so far."""
    _, index, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    folds = min(FOLDS, len(sizes))
    if folds < 2:
        return []
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of_group, filled = np.zeros(len(sizes), dtype=np.int64), np.zeros(folds, dtype=np.int64)
    for group in order:
        fold_of_group[group] = smallest = int(filled.argmin())
        filled[smallest] += sizes[group]
    return [fold_of_group[index] == fold for fold in range(folds)]


def booster(seed: int) -> Any:
    """Gradient boosting as all probes have it, to be fitted."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=ROUNDS, max_leaf_nodes=LEAVES, min_samples_leaf=10, early_stopping=False, random_state=seed
    )


def _majority(labels: Ints, count: int) -> Ints:
    values, counts = np.unique(labels, return_counts=True)
    return np.full(count, values[counts.argmax()], dtype=np.int64)


def _join(tables: Mapping[str, FeatureTable], parts: tuple[str, ...]) -> FeatureTable:
    names = tuple(name for part in parts for name in tables[part].names)
    return FeatureTable(names, np.hstack([tables[part].values for part in parts]))
