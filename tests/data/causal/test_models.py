"""The mechanisms in closed form agree with every outcome of their noise."""

from __future__ import annotations

import numpy as np
import pytest

from nsm.data.causal.models import AND_NOT, KINDS, OR, THRESHOLD, CausalModel
from tests.data.causal.small_models import outcomes, random_model


def one_effect(kind: int, level: float, noise: float, promotes: list[bool], strength: list[float]) -> CausalModel:
    """Three causes and their effect."""
    return CausalModel(
        kind=np.array([OR, OR, OR, kind]),
        level=np.array([0.5, 0.5, 0.5, level]),
        noise=np.array([0.1, 0.1, 0.1, noise]),
        parent=np.array([[-1] * 3] * 3 + [[0, 1, 2]]),
        promotes=np.array([[False] * 3] * 3 + [promotes]),
        strength=np.array([[0.0] * 3] * 3 + [strength]),
    )


def test_noisy_or_by_hand() -> None:
    model = one_effect(OR, 0.1, 0.0, [True, True, False], [0.5, 0.4, 0.8])
    none, first, all_three = model.probability[3, [0b000, 0b001, 0b111]]
    assert none == pytest.approx(1 - 0.9 * 0.2), "an inhibiting cause transmits while it is 0"
    assert first == pytest.approx(1 - 0.9 * 0.5 * 0.2)
    assert all_three == pytest.approx(1 - 0.9 * 0.5 * 0.6)


def test_noisy_and_not_by_hand() -> None:
    model = one_effect(AND_NOT, 0.1, 0.05, [True, False, False], [0.5, 0.4, 0.8])
    before = (1 - 0.9 * 0.5) * 0.6 * 0.2
    assert model.probability[3, 0b111] == pytest.approx(0.95 * before + 0.05 * (1 - before))
    assert model.probability[3, 0b000] == pytest.approx(0.95 * 0.1 + 0.05 * 0.9)


def test_noisy_threshold_by_hand() -> None:
    model = one_effect(THRESHOLD, 0.25, 0.02, [True, True, False], [0.5, 0.4, 0.8])
    assert model.probability[3].round(6).tolist() == [0.02, 0.98, 0.98, 0.98, 0.02, 0.02, 0.02, 0.02]


@pytest.mark.parametrize("seed", range(4))
def test_twin_probabilities_share_the_noise(seed: int) -> None:
    """Of the last variable, given its parents in two worlds, from every outcome of the noise."""
    model = random_model(seed)
    last, parents = model.size - 1, model.parents[-1]
    fixed = {parent: place % 2 for place, parent in enumerate(parents)}
    total, both = np.zeros((2, 8, 8)), np.zeros((2, 8, 8))
    for probability, world, twin in outcomes(model, fixed):
        here = sum(world[p] << k for k, p in enumerate(parents))
        there = sum(twin[p] << k for k, p in enumerate(parents))
        total[world[last], here, there] += probability
        both[world[last], here, there] += probability * twin[last]
    seen = total > 0
    assert seen.sum() > 2
    np.testing.assert_allclose(model.twin_probability[last][seen], both[seen] / total[seen], atol=1e-12)


def test_lists_of_causes_and_effects() -> None:
    model = one_effect(OR, 0.1, 0.0, [True, False, True], [0.5, 0.4, 0.8])
    assert model.parents == [[], [], [], [0, 1, 2]]
    assert model.children == [[3], [3], [3], []]
    assert model.causes[3] == [(0, True, 0.5), (1, False, 0.4), (2, True, 0.8)]
    assert len(KINDS) == 3
