"""Probes find planted leaks, and find nothing where there is nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm.data import probes
from nsm.data.triples import Sample
from nsm.data.trivial import FeatureTable, trivial_features
from tests.data.twin_graphs import LEAK, Edit, add_edge, packed, twins


def leak_an_edge(sample: Sample, _random: np.random.Generator) -> None:
    """In every tenth group the number of edges of one relation is the label."""
    if sample.label and sample.group.endswith("0"):
        add_edge(sample, LEAK)


def leak_a_role(sample: Sample, _random: np.random.Generator) -> None:
    sample.role[0] = 1 + sample.label


def leak_a_value(sample: Sample, _random: np.random.Generator) -> None:
    sample.value[0] = 5.0 * sample.label + 5.0


def leak_the_size(sample: Sample, random: np.random.Generator) -> None:
    for _ in range(int(sample.label + random.integers(0, 2))):
        add_edge(sample, 0)


def scores_of(folder: Path, edit: Edit | None, count: int = 600) -> dict[str, probes.ProbeScore]:
    graphs = packed(folder / "packed", twins(count, edit=edit))
    found = probes.run_probes(trivial_features(graphs), graphs.labels, graphs.groups)
    return {score.name: score for score in found}


@pytest.mark.parametrize(
    ("edit", "finder"),
    [
        (leak_an_edge, "single feature"),
        (leak_a_role, "node types"),
        (leak_a_value, "single feature"),
        (leak_the_size, "all features"),
    ],
)
def test_a_planted_leak_is_found(edit: Edit, finder: str, tmp_path: Path) -> None:
    score = scores_of(tmp_path, edit, 1000 if edit is leak_an_edge else 300)[finder]
    assert score.low > 0.02
    assert score.accuracy >= 0.5 + score.low
    if edit is leak_an_edge:
        assert score.feature in ("relation leak", "max in-degree by leak", "max out-degree by leak")


def test_types_that_do_not_fit_are_found_though_each_misfit_is_rare() -> None:
    """Twenty relations, each between two of ten types; in half of the graphs one of six edges leads to another type."""
    random = np.random.default_rng(8)
    labels = random.integers(0, 2, 1500)
    counts = np.zeros((1500, 20, 10), np.float32)
    for row, label in enumerate(labels.tolist()):
        relations = random.permutation(20)[:6]
        types = relations * 7 % 10
        types[0] = (types[0] + (0 if label else random.integers(1, 10))) % 10
        counts[row, relations, types] += 1
    flat, groups = counts.reshape(1500, -1), np.arange(1500)
    found = probes.naive_bayes_predictions(flat, labels, groups)
    assert (found == labels).mean() > 0.9
    names = tuple(map(str, range(200)))
    single, _ = probes.single_feature_predictions(FeatureTable(names, flat), labels, groups)
    assert (single == labels).mean() < 0.6, "no single one of them says it"
    shuffled = random.permutation(labels)
    assert abs((probes.naive_bayes_predictions(flat, shuffled, groups) == shuffled).mean() - 0.5) < 0.05


def test_twins_without_a_leak_pass_every_probe(tmp_path: Path) -> None:
    scores = scores_of(tmp_path, None, 400)
    assert len(scores) == 7
    for score in scores.values():
        assert score.low <= 0.02, score
        assert abs(score.accuracy - 0.5) < 0.1


def test_shuffled_labels_hide_the_leak(tmp_path: Path) -> None:
    graphs = packed(tmp_path / "packed", twins(300, edit=leak_a_role))
    labels = np.random.default_rng(2).permutation(graphs.labels)
    found = probes.run_probes(trivial_features(graphs), labels, graphs.groups)
    assert max(score.low for score in found) <= 0.02


def test_no_group_is_in_training_and_test_fold_at_once() -> None:
    groups = np.random.default_rng(0).integers(0, 23, 200)
    tested: list[int] = []

    def predict(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        assert not set(groups[train]) & set(groups[test])
        tested.extend(test.tolist())
        return np.full(len(test), 7)

    assert (probes.out_of_fold(predict, groups, seed=1) == 7).all()
    assert sorted(tested) == list(range(200))


def test_a_group_that_is_all_alike_is_one_observation() -> None:
    """400 copies of 20 observations say no more than the 20 do."""
    margin = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], 20, p=[0.1, 0.4, 0.5])
    few = probes.margin_lower_bound(margin, np.arange(20))
    copied = probes.margin_lower_bound(np.repeat(margin, 20), np.repeat(np.arange(20), 20))
    independent = probes.margin_lower_bound(np.repeat(margin, 20), np.arange(400))
    assert copied == pytest.approx(few)
    assert few < independent < margin.mean()


def test_the_bound_covers_at_its_level_and_shrinks_with_comparisons() -> None:
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 3)
    bounds = [
        probes.margin_lower_bound(np.repeat(random.normal(0.1, 0.3, 60), 3) + random.normal(0, 0.3, 180), groups)
        for _ in range(400)
    ]
    assert 0.91 <= np.mean(np.array(bounds) <= 0.1) <= 0.985
    margin = random.normal(0.1, 0.3, 180)
    assert probes.margin_lower_bound(margin, groups, comparisons=6) < probes.margin_lower_bound(margin, groups)


def test_one_group_says_nothing() -> None:
    assert probes.margin_lower_bound(np.ones(9), np.zeros(9)) == -1


def test_a_single_feature_answers_the_majority_unless_it_is_sure() -> None:
    random = np.random.default_rng(4)
    labels = (random.random(500) < 0.4).astype(np.int64)
    noise = FeatureTable(("noise",), random.integers(0, 4, (500, 1)).astype(np.float32))
    predicted, chosen = probes.single_feature_predictions(noise, labels, np.arange(500))
    assert (predicted == 0).mean() > 0.95
    assert chosen == "noise"


def test_same_seed_same_predictions() -> None:
    random = np.random.default_rng(0)
    values, labels = random.normal(size=(150, 4)).astype(np.float32), random.integers(0, 2, 150)
    one, two, other = (probes.boosted_predictions(values, labels, np.arange(150) // 2, seed=seed) for seed in (0, 0, 1))
    assert (one == two).all()
    assert (one != other).any()


def test_no_features_give_the_majority() -> None:
    labels = np.array([0, 0, 1, 0, 0, 1, 0, 0, 0, 0])
    empty = np.zeros((10, 0), dtype=np.float32)
    assert probes.boosted_predictions(empty, labels, np.arange(10)).tolist() == [0] * 10
    assert probes.naive_bayes_predictions(empty, labels, np.arange(10)).tolist() == [0] * 10
    assert probes.single_feature_predictions(FeatureTable((), empty), labels, np.arange(10))[1] == ""
