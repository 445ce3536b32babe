"""Exact answers by enumeration of worlds: observation, intervention, counterfactual.

A world is one value for each variable. A model's ``2^n`` worlds are enumerated at once; of a counterfactual, the twin
world is summed out variable by variable in topological order, given the factual one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.causal.models import CausalModel

__all__ = ["Answers", "Worlds", "ancestors", "world_bits"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


@lru_cache(maxsize=32)
def world_bits(size: int) -> Array:
    """All worlds of ``size`` variables, ``(2^size, size)`` of 0 and 1; the first variable is the lowest bit."""
    return (np.arange(2**size)[:, None] >> np.arange(size) & 1).astype(np.int8)


def ancestors(parents: list[list[int]], nodes: set[int]) -> set[int]:
    """The nodes themselves and all that lead to them."""
    found, waiting = set(nodes), sorted(nodes)
    while waiting:
        for parent in parents[waiting.pop()]:
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


@dataclass(frozen=True)
class Answers:
    """What follows from each of several questions about one model.

    Attributes:
        probability: P(variable is 1) for each variable asked about, ``(Q, V)``; NaN where the evidence cannot be.
        evidence: Probability of what is observed, ``(Q,)``.
    """

    probability: Floats
    evidence: Floats


class Worlds:
    """All worlds of a model with their probabilities.

    Args:
        model: The model.
    """

    def __init__(self, model: CausalModel) -> None:
        self.model = model
        self.bits = world_bits(model.size)

    @cached_property
    def combination(self) -> Array:
        """The number of the combination of each variable's parents in each world, ``(n, 2^n)``."""
        found = np.zeros((self.model.size, len(self.bits)), dtype=np.intp)
        for variable, parents in enumerate(self.model.parents):
            for place, parent in enumerate(parents):
                found[variable] += self.bits[:, parent].astype(np.intp) << place
        return found

    @cached_property
    def log_factors(self) -> Floats:
        """Logarithm of P(variable | its parents) in each world, ``(n, 2^n)``."""
        one = np.take_along_axis(self.model.probability, self.combination, axis=1)
        return np.log(np.where(self.bits.T == 1, one, 1 - one))

    def weights(self, setting: Array) -> Floats:
        """P(world) in the model where some variables are set.

        Shapes:
            - **setting**: ``(n,)`` values that are set, -1 = not set; output: ``(2^n,)``.
        """
        free = (setting < 0).astype(np.float64)
        return np.asarray(np.exp(free @ self.log_factors) * matches(setting[None], self.bits)[0])

    def answer(self, queries: list[int], observed: Array, intervened: Array) -> Answers:
        """P(each query | do(intervened), observed): rung one where nothing is intervened, else rung two.

        Args:
            queries: The variables asked about.
            observed: Values observed in the mutilated model, -1 = unknown.
            intervened: Values that are set, -1 = not set.

        Shapes:
            - **observed**, **intervened**: ``(Q, n)``; probabilities of the output: ``(Q, len(queries))``.
        """
        is_one = self.bits[:, queries].astype(np.float64)
        return self._answer(observed, intervened, lambda setting: (self.weights(setting), is_one))

    def answer_counterfactual(self, queries: list[int], observed: Array, intervened: Array) -> Answers:
        """P(each query had been 1 under do(intervened) | observed), with the noise of the observation.

        Args:
            queries: The variables asked about.
            observed: Values observed in the model as it is, -1 = unknown.
            intervened: Values that are set in the twin world, -1 = not set.

        Shapes:
            - **observed**, **intervened**: ``(Q, n)``; probabilities of the output: ``(Q, len(queries))``.
        """
        weight = self.weights(np.full(self.model.size, -1))

        def ask(setting: Array) -> tuple[Floats, Floats]:
            return weight, self.twins(queries, setting)

        return self._answer(observed, intervened, ask)

    def _answer(self, observed: Array, intervened: Array, ask: Callable[[Array], tuple[Floats, Floats]]) -> Answers:
        """Sums worlds that look alike at the observed variables once for each setting, then picks what was observed."""
        seen = np.flatnonzero((observed >= 0).any(axis=0))
        look = self.bits[:, seen] @ (1 << np.arange(len(seen)))
        fits = matches(observed[:, seen], world_bits(len(seen))).astype(np.float64)
        code = (intervened + 1) @ 3 ** np.arange(self.model.size)
        _, first, which = np.unique(code, return_index=True, return_inverse=True)
        parts = []
        for setting in intervened[first]:
            weight, probability = ask(setting)
            columns = [weight, *(weight * column for column in probability.T)]
            parts.append([np.bincount(look, column, minlength=fits.shape[1]) for column in columns])
        joint = np.einsum("ql,qcl->qc", fits, np.array(parts)[which])
        with np.errstate(invalid="ignore"):
            return Answers(joint[:, 1:] / joint[:, :1], joint[:, 0])

    def twins(self, queries: list[int], setting: Array) -> Floats:
        """P(each query is 1 in the twin world | factual world), for each factual world.

        The twin world is followed in topological order; a variable leaves the table when nothing later depends on it.

        Shapes:
            - **setting**: ``(n,)`` values that are set, -1 = not set; output: ``(2^n, len(queries))``.
        """
        parents = [[] if setting[v] >= 0 else row for v, row in enumerate(self.model.parents)]
        relevant = sorted(ancestors(parents, set(queries)))
        found: dict[int, Floats] = {}
        changed = {v for v in relevant if setting[v] >= 0}
        state, frontier = np.ones(len(self.bits)), list[int]()
        for v in relevant:
            if not changed.intersection(parents[v]):
                continue
            changed.add(v)
            one, axes = self._twin_table(v, setting, changed)
            kept = [u for u in frontier if any(u in parents[w] for w in relevant if w > v)]
            state = _advance(state, frontier, one, axes, kept)
            frontier = [*kept, v]
            if v in queries:
                found[v] = state.sum(axis=tuple(range(1, len(kept) + 1)))[:, 1]
        for v in queries:  # those that no intervention reaches are as they were
            fixed = self.bits[:, v] if setting[v] < 0 else np.full(len(self.bits), setting[v])
            found.setdefault(v, fixed.astype(np.float64))
        return np.stack([found[v] for v in queries], axis=1)

    def _twin_table(self, v: int, setting: Array, changed: set[int]) -> tuple[Floats, list[int]]:
        """P(twin of v is 1 | factual world, twins of the parents that changed), and the variables of its axes."""
        combination, axes, offsets = self.combination[v].copy(), list[int](), np.zeros(1, np.intp)
        for place, parent in enumerate(self.model.parents[v]):
            if setting[parent] < 0 and parent not in changed:
                continue
            combination &= ~(1 << place)
            if setting[parent] >= 0:
                combination |= int(setting[parent]) << place
            else:
                axes.append(parent)
                offsets = (offsets[:, None] + np.array([0, 1 << place])).reshape(-1)  # the latest axis changes fastest
        combination += 64 * self.bits[:, v].astype(np.intp) + 8 * self.combination[v]
        one = self.model.twin_probability[v].reshape(-1).take(combination[:, None] + offsets)
        return one.reshape(len(one), *[2] * len(axes)), axes


def _advance(state: Floats, frontier: list[int], one: Floats, axes: list[int], kept: list[int]) -> Floats:
    """Adds a variable to a table over (factual world, twins of some variables), and sums out what is not kept.

    Args:
        state: The table.
        frontier: The variables of its axes but the first.
        one: P(the new variable's twin is 1 | factual world, twins of ``axes``).
        axes: Some of ``frontier``.
        kept: Some of ``frontier``, in its order.
    """
    letters = {v: chr(ord("a") + place) for place, v in enumerate(frontier)}
    have, given, result = ("".join(letters[v] for v in row) for row in (frontier, axes, kept))
    is_one = np.einsum(f"z{have},z{given}->z{result}", state, one)
    whole = state.sum(axis=tuple(place + 1 for place, v in enumerate(frontier) if v not in kept))
    return np.stack([whole - is_one, is_one], axis=-1)


def matches(values: Array, bits: Array) -> Array:
    """Which worlds have the given values; -1 stands for any.

    Shapes:
        - **values**: ``(Q, n)``; **bits**: ``(W, n)``; output: ``(Q, W)`` bool.
    """
    zero, one, bits = (values == 0).astype(np.float32), (values == 1).astype(np.float32), bits.T.astype(np.float32)
    return np.asarray(zero @ bits + one @ (1 - bits) < 0.5)
