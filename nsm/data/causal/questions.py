"""Questions of three rungs, and twins: two arrangements of one question with opposite prospects.

Twins ask about the same variable of the same model. They differ in *where* things are observed and intervened, not in
what: the same values stand at other variables, and the query looks the same in both. The probabilities of their labels
add up to one, so that what twins share says nothing about the labels.
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
MIN_GAP = 0.7  # between the probabilities of twins
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
    """

    rung: int
    query: int
    observed: Array
    intervened: Array
    probability: float


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
    found: list[tuple[Question, Question]] = []
    for query, p in zip(queries, answers.probability.T, strict=True):
        is_free = (intervened[:, query] < 0) & ((observed[:, query] < 0) | (rung == COUNTERFACTUAL))
        pairs = _opposites(np.where(is_free & (answers.evidence >= MIN_EVIDENCE), p, np.nan))
        pairs = pairs[observed[pairs[:, 0], query] == observed[pairs[:, 1], query]]
        if len(pairs) and len(found) < MAX_PAIRS:
            i, j = rng.permutation(pairs[rng.integers(len(pairs))]).tolist()
            first, second = (Question(rung, query, observed[k], intervened[k], float(p[k])) for k in (i, j))
            found.append((first, second))
    return found


def _opposites(p: Array) -> Array:
    """The pairs of arrangements whose probabilities add up to one and are far apart, ``(P, 2)``."""
    with np.errstate(invalid="ignore"):
        if not (p >= 0.5 + MIN_GAP / 2 - MAX_BIAS).any() or not (p <= 0.5 - MIN_GAP / 2 + MAX_BIAS).any():
            return np.empty((0, 2), np.intp)
        fits = (np.abs(p[:, None] + p[None] - 1) <= MAX_BIAS) & (p[:, None] - p[None] >= MIN_GAP)
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
        seen[:num_set] = 1 - set_[:num_set]  # had it been otherwise
    key = rng.random((ARRANGEMENTS, count))
    rank = np.argsort(rng.random((ARRANGEMENTS, targets)), axis=1)
    key[:, :targets] -= 2 * (rank < num_set)  # what is set is set at one of the targets
    order = np.argsort(np.argsort(key, axis=1), axis=1)  # which of the values each place gets
    observed = np.full((ARRANGEMENTS, scenario.model.size), -1)
    intervened = observed.copy()
    observed[:, places] = seen[order]
    intervened[:, places] = set_[order]
    return observed, intervened
