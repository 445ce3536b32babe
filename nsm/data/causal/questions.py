"""Questions of three rungs, and twins: two arrangements of one question with opposite prospects.

Twins ask about the same variable of the same model. They differ in *where* things are observed and intervened, not in
what: the same values stand at other variables, and the query looks the same in both; where that can be had, its
neighbours do too. The probabilities of their labels add up to one, so that what twins share says nothing about them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.causal.scenarios import Scenario
from nsm.data.causal.worlds import Worlds, ancestors

__all__ = ["RUNGS", "Question", "find_twins"]

Array = npt.NDArray[Any]

RUNGS = ("association", "intervention", "counterfactual")
ASSOCIATION, INTERVENTION, COUNTERFACTUAL = range(len(RUNGS))
ARRANGEMENTS = 96  # of one question, tried together
MIN_GAP = 0.8  # between the probabilities of twins
MIN_FAR_GAP = 0.6  # between those of twins that differ further away only
MAX_BIAS = 0.04  # of the sum of the probabilities of twins, against one
MIN_EVIDENCE = 0.005  # probability of what is observed
MAX_OBSERVED = (3, 3, 2)  # by rung, beside what is intervened
MAX_PLACES = 7  # variables at which something is observed or set in any arrangement
MAX_TARGETS = (0, 3, 3)  # by rung: variables that are set in any arrangement
TWO_SET = (0.0, 0.5, 0.7)  # by rung: share of the questions that set two variables, not one
MAX_PAIRS = 3  # of one scenario
MAX_QUERIES = 6  # variables that are asked about in a counterfactual


@dataclass(frozen=True, eq=False)
class Question:
    """One question about a scenario.

    Args:
        rung: Position in ``RUNGS``.
        query: The variable that is asked about.
        observed: Observed values, -1 = unknown, ``(n,)``.
        intervened: Values that are set, -1 = not set, ``(n,)``.
        probability: P(query is 1 | what is asked).
        is_far: Whether its twin looks the same at the neighbours of the query.
    """

    rung: int
    query: int
    observed: Array
    intervened: Array
    probability: float
    is_far: bool = False


def find_twins(
    scenario: Scenario, worlds: Worlds, rung: int, rng: np.random.Generator
) -> list[tuple[Question, Question]]:
    """Twins of one rung, each pair with another query; none where no arrangement tried has an opposite."""
    model = scenario.model
    places, targets = _places(scenario, rung, rng)
    if targets < min(rung, 1):
        return []
    observed, intervened = _arrange(scenario, rung, places, targets, rng)
    queries = rng.permutation(scenario.observable).tolist()
    if rung == COUNTERFACTUAL:
        causes = set(places[:targets])
        reached = [v for v in queries if causes & ancestors(model.parents, set(model.parents[v]))]
        queries = reached[:MAX_QUERIES]
        if not queries:
            return []
        answers = worlds.answer_counterfactual(queries, observed, intervened)
    else:
        answers = worlds.answer(queries, observed, intervened)
    pairs = [
        _pairs(scenario, query, p, observed, intervened, answers.evidence >= MIN_EVIDENCE, rung)
        for query, p in zip(queries, answers.probability.T, strict=True)
    ]
    found: list[tuple[Question, Question]] = []
    for place in sorted(range(len(queries)), key=lambda place: not pairs[place].is_far):  # the far ones first
        rows = pairs[place].rows
        if len(rows) and len(found) < MAX_PAIRS:
            first, second = (
                Question(
                    rung,
                    queries[place],
                    observed[k],
                    intervened[k],
                    float(answers.probability[k, place]),
                    pairs[place].is_far,
                )
                for k in rng.permutation(rows[rng.integers(len(rows))]).tolist()
            )
            found.append((first, second))
    return found


@dataclass(frozen=True)
class _Pairs:
    """Arrangements that may be twins, ``(P, 2)``, and whether all of them look alike around the query."""

    rows: Array
    is_far: bool


def _pairs(
    scenario: Scenario, query: int, p: Array, observed: Array, intervened: Array, is_likely: Array, rung: int
) -> _Pairs:
    """The twins that ask about one variable: those that look alike at its neighbours too, where there are any."""
    is_free = (intervened[:, query] < 0) & ((observed[:, query] < 0) | (rung == COUNTERFACTUAL))
    rows = _opposites(np.where(is_free & is_likely, p, np.nan))
    if not len(rows):
        return _Pairs(rows, False)
    rows = rows[observed[rows[:, 0], query] == observed[rows[:, 1], query]]
    near = [*scenario.model.parents[query], *scenario.model.children[query]]
    look = 3 * observed[:, near] + intervened[:, near]
    is_alike = (look[rows[:, 0]] == look[rows[:, 1]]).all(axis=1)
    if is_alike.any():
        return _Pairs(rows[is_alike], True)
    return _Pairs(rows[np.abs(p[rows[:, 0]] - p[rows[:, 1]]) >= MIN_GAP], False)


def _opposites(p: Array) -> Array:
    """The pairs of arrangements whose probabilities add up to one and are far apart, ``(P, 2)``."""
    with np.errstate(invalid="ignore"):
        if not (p >= 0.5 + MIN_FAR_GAP / 2 - MAX_BIAS).any() or not (p <= 0.5 - MIN_FAR_GAP / 2 + MAX_BIAS).any():
            return np.empty((0, 2), np.intp)
        fits = (np.abs(p[:, None] + p[None] - 1) <= MAX_BIAS) & (p[:, None] - p[None] >= MIN_FAR_GAP)
    return np.argwhere(fits)


def _places(scenario: Scenario, rung: int, rng: np.random.Generator) -> tuple[list[int], int]:
    """Where things are observed or set, and how many of these places, the first ones, may be set.

    Those that may be set are, as far as possible, causes of one variable.
    """
    model, places = scenario.model, rng.permutation(scenario.observable).tolist()
    if rung == ASSOCIATION:
        return places[:MAX_PLACES], 0
    for effect in rng.permutation(scenario.observable).tolist():
        causes = ancestors(model.parents, set(model.parents[effect]))
        if causes:
            order = sorted(places, key=lambda v: v not in causes)
            return order[:MAX_PLACES], MAX_TARGETS[rung]
    return [], 0


def _arrange(
    scenario: Scenario, rung: int, places: list[int], targets: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """The same values at different variables, ``(ARRANGEMENTS, n)`` observed and intervened."""
    count, num_set = len(places), min(targets, 1 + int(rng.random() < TWO_SET[rung]))
    num_seen = int(rng.integers(0 if num_set else 1, min(MAX_OBSERVED[rung], count - 1 - num_set) + 1))
    seen, set_ = np.full(count, -1), np.full(count, -1)
    set_[:num_set] = rng.integers(0, 2, num_set)
    seen[num_set : num_set + num_seen] = rng.integers(0, 2, num_seen)
    if rung == COUNTERFACTUAL:
        set_[:num_set] = (set_[0] + np.arange(num_set)) % 2  # one treated, the other one not
        seen[:num_set] = 1 - set_[:num_set]  # had it been otherwise
        targets = max(num_set, MAX_TARGETS[rung] + 1 - num_set)
    key = rng.random((ARRANGEMENTS, count))
    rank = np.argsort(rng.random((ARRANGEMENTS, targets)), axis=1)
    key[:, :targets] -= 2 * (rank < num_set)  # what is set is set at one of the targets
    order = np.argsort(np.argsort(key, axis=1), axis=1)  # which of the values each place gets
    observed = np.full((ARRANGEMENTS, scenario.model.size), -1)
    intervened = observed.copy()
    observed[:, places] = seen[order]
    intervened[:, places] = set_[order]
    return observed, intervened
