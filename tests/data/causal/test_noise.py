"""Noise that is drawn explains the world, and labels come as often as their probability says."""

from __future__ import annotations

import numpy as np
import pytest

from nsm.data.causal.noise import draw_label, evaluate, explain
from nsm.data.causal.questions import RUNGS, Question
from nsm.data.causal.worlds import Worlds
from tests.data.causal.small_models import Values, as_row, random_model

ASKED: dict[str, tuple[Values, Values]] = {
    "association": ({1: 1, 2: 0}, {}),
    "intervention": ({2: 1}, {0: 1}),
    "counterfactual": ({0: 0, 2: 1}, {0: 1}),
}


def question(seed: int, rung: str) -> tuple[Worlds, Question]:
    model = random_model(seed)
    seen, fixed = (as_row(values, model.size) for values in ASKED[rung])
    worlds = Worlds(model)
    ask = worlds.answer_counterfactual if rung == "counterfactual" else worlds.answer
    probability = float(ask([3], seen[None], fixed[None]).probability[0, 0])
    return worlds, Question(RUNGS.index(rung), 3, seen, fixed, probability)


@pytest.mark.parametrize("rung", RUNGS)
def test_the_world_agrees_with_what_is_observed_and_follows_from_its_noise(rung: str) -> None:
    worlds, asked = question(1, rung)
    rng = np.random.default_rng(0)
    nothing = np.full(4, -1)
    for _ in range(50):
        draw = draw_label(worlds, asked, rng)
        assert ((asked.observed < 0) | (draw.world == asked.observed)).all()
        setting = nothing if rung == "counterfactual" else asked.intervened
        assert evaluate(worlds.model, draw.noise, setting) == draw.world.tolist()
        assert draw.label == evaluate(worlds.model, draw.noise, asked.intervened)[3]


@pytest.mark.parametrize("rung", RUNGS)
def test_labels_come_as_often_as_their_probability_says(rung: str) -> None:
    worlds, asked = question(2, rung)
    rng, count = np.random.default_rng(0), 3000
    share = np.mean([draw_label(worlds, asked, rng).label for _ in range(count)])
    p = asked.probability
    assert 0.02 < p < 0.98
    assert abs(share - p) < 4.5 * np.sqrt(p * (1 - p) / count)


def test_explanations_have_the_frequencies_of_the_posterior() -> None:
    """A lone variable that is 1 was flipped with the probability that Bayes' rule gives."""
    model = random_model(0)
    world = np.array([1, 0, 0, 0])
    leak, flip = float(model.level[0]), float(model.noise[0])
    assert model.kind[0] != 2 and not model.parents[0]
    expected = flip * (1 - leak) / (flip * (1 - leak) + (1 - flip) * leak)
    rng, count = np.random.default_rng(3), 3000
    drawn = [explain(model, world, np.array([-1, 1, 1, 1]), rng).flips[0] for _ in range(count)]
    assert abs(np.mean(drawn) - expected) < 4.5 * np.sqrt(expected * (1 - expected) / count)
