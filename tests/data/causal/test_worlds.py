"""Exact answers of all three rungs, against brute force over the noise and against frequencies."""

from __future__ import annotations

import numpy as np
import pytest

from nsm.data.causal.noise import evaluate
from nsm.data.causal.scenarios import draw_scenario
from nsm.data.causal.worlds import Worlds, ancestors, matches, world_bits
from tests.data.causal.small_models import Values, as_row, follow, outcomes, random_model

QUESTIONS: list[tuple[Values, Values]] = [
    ({1: 1}, {0: 0}),
    ({0: 1, 2: 0}, {0: 0}),
    ({3: 1}, {1: 1, 0: 0}),
    ({}, {2: 1}),
]


def test_worlds_are_all_there_once() -> None:
    bits = world_bits(3)
    assert bits.shape == (8, 3)
    assert bits[5].tolist() == [1, 0, 1]
    assert matches(np.array([[1, -1, -1], [-1, 0, 1]]), bits).sum(axis=1).tolist() == [4, 2]


def test_ancestors_of_a_diamond() -> None:
    parents = [[], [0], [0], [1, 2], []]
    assert ancestors(parents, {3}) == {0, 1, 2, 3}
    assert ancestors(parents, {4}) == {4}


@pytest.mark.parametrize("seed", range(3))
def test_counterfactuals_agree_with_every_outcome_of_the_noise(seed: int) -> None:
    model = random_model(seed)
    worlds, queries = Worlds(model), list(range(model.size))
    observed = np.array([as_row(seen, model.size) for seen, _ in QUESTIONS])
    intervened = np.array([as_row(fixed, model.size) for _, fixed in QUESTIONS])
    answers = worlds.answer_counterfactual(queries, observed, intervened)
    for number, (seen, fixed) in enumerate(QUESTIONS):
        evidence, ones = 0.0, np.zeros(model.size)
        for probability, world, twin in outcomes(model, fixed):
            if all(world[v] == value for v, value in seen.items()):
                evidence += probability
                ones += probability * np.array(twin)
        assert answers.evidence[number] == pytest.approx(evidence)
        np.testing.assert_allclose(answers.probability[number], ones / evidence, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_interventions_agree_with_every_outcome_of_the_noise(seed: int) -> None:
    model = random_model(seed + 10)
    worlds = Worlds(model)
    for seen, fixed in [*QUESTIONS[:2], ({2: 1}, {}), ({3: 0}, {1: 1})]:
        evidence, ones = 0.0, np.zeros(model.size)
        seen = {v: value for v, value in seen.items() if v not in fixed}
        for probability, _, twin in outcomes(model, fixed):
            if all(twin[v] == value for v, value in seen.items()):
                evidence += probability
                ones += probability * np.array(twin)
        rows = as_row(seen, model.size)[None], as_row(fixed, model.size)[None]
        answers = worlds.answer(list(range(model.size)), *rows)
        np.testing.assert_allclose(answers.probability[0], ones / evidence, atol=1e-12)
        assert answers.evidence[0] == pytest.approx(evidence)


def test_one_pass_over_the_twin_world_serves_all_queries_of_a_large_model() -> None:
    """Each query alone, and all of them at once, in models where many variables leave the table on the way."""
    rng = np.random.default_rng(0)
    for _ in range(10):
        scenario = draw_scenario(rng, 9, 0.0)
        assert scenario is not None
        worlds, setting = Worlds(scenario.model), as_row({0: 1, 2: 0}, 9)
        together = worlds.twins(list(range(9)), setting)
        for query in range(9):
            np.testing.assert_allclose(worlds.twins([query], setting)[:, 0], together[:, query], atol=1e-12)
        assert (together[:, 0] == 1).all()
        np.testing.assert_array_equal(worlds.twins([8], np.full(9, -1))[:, 0], worlds.bits[:, 8])


def test_frequencies_of_100_000_worlds_are_the_marginals() -> None:
    rng = np.random.default_rng(5)
    scenario = draw_scenario(rng, 8, 0.0)
    assert scenario is not None
    model, count = scenario.model, 100_000
    exact = Worlds(model).answer(list(range(8)), np.full((1, 8), -1), np.full((1, 8), -1)).probability[0]
    values = np.zeros((count, 8), dtype=np.int64)
    for v in range(8):
        parents = model.parents[v]
        combination = sum((values[:, p] << k for k, p in enumerate(parents)), np.zeros(count, dtype=np.int64))
        values[:, v] = rng.random(count) < model.probability[v, combination]
    deviation = np.abs(values.mean(axis=0) - exact) / np.sqrt(exact * (1 - exact) / count)
    assert deviation.max() < 4.5


def test_the_two_implementations_of_the_mechanisms_agree() -> None:
    from nsm.data.causal.noise import Noise

    rng = np.random.default_rng(1)
    for seed in range(20):
        model = random_model(seed, size=6)
        leaks, flips = (rng.random(6) < 0.4).tolist(), (rng.random(6) < 0.2).tolist()
        leaks = [leak and kind != 2 for leak, kind in zip(leaks, model.kind, strict=True)]
        transmits = (rng.random((6, 3)) < 0.6).tolist()
        sends = {(v, p): transmits[v][k] for v in range(6) for k, p in enumerate(model.parents[v])}
        fixed = {1: 1} if seed % 2 else {}
        assert evaluate(model, Noise(leaks, transmits, flips), as_row(fixed, 6)) == follow(
            model, leaks, sends, flips, fixed
        )
