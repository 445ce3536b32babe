"""Reorderings: the same steps in another order, such that no count and no pair of neighbouring steps tells.

Two neighbouring runs of steps change places. Steps, facts and objects stay what they were, so the edges of every node
do too, up to `next`; and only such runs are taken after whose exchange each kind of pair of consecutive steps occurs
exactly as often as before. Whether the new order works is a matter of what holds when, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from nsm.data.planning.grounding import GroundAction

MAX_CUTS = 4096  # ways to cut a plan that are looked at: all of a plan of up to 28 steps

Ints = npt.NDArray[np.int64]


@lru_cache(maxsize=100_000)
def bigram(first: GroundAction, second: GroundAction) -> tuple[object, ...]:
    """Two consecutive steps without their objects: operators, and which arguments are the same object."""
    place: dict[str, int] = {}
    equal = tuple(place.setdefault(arg, len(place)) for arg in (*first.args, *second.args))
    return (first.name, second.name, *equal)


def reorderings(
    plan: Sequence[GroundAction], rng: np.random.Generator
) -> Iterator[tuple[int, tuple[GroundAction, ...]]]:
    """Yields other orders of a plan that have exactly its bigrams, each with the first step that differs.

    Args:
        plan: The steps.
        rng: Draws the cuts of plans that have more than `MAX_CUTS` of them.
    """
    steps = tuple(plan)
    cuts = _cuts(len(steps), rng)
    start, middle, end = cuts.T
    kinds: dict[tuple[object, ...], int] = {}
    before = _number_bigrams(steps, cuts - 1, cuts, kinds)
    after = _number_bigrams(steps, np.stack((start, end, middle), 1) - 1, np.stack((middle, start, end), 1), kinds)
    is_alike = (np.sort(before, axis=1) == np.sort(after, axis=1)).all(axis=1)
    for i, j, k in cuts[is_alike].tolist():
        moved = (*steps[:i], *steps[j:k], *steps[i:j], *steps[k:])
        if moved != steps:
            yield i, moved


def _cuts(length: int, rng: np.random.Generator) -> Ints:
    """Borders ``[start, middle)``, ``[middle, end)`` of two neighbouring runs: ``(cuts, 3)``."""
    if comb(length + 1, 3) <= MAX_CUTS:
        return np.array([*combinations(range(length + 1), 3)], dtype=np.int64).reshape(-1, 3)
    drawn = np.unique(np.sort(rng.integers(length + 1, size=(MAX_CUTS, 3)), axis=1), axis=0)
    return drawn[(np.diff(drawn, axis=1) > 0).all(axis=1)]


def _number_bigrams(
    steps: Sequence[GroundAction], first: Ints, second: Ints, kinds: dict[tuple[object, ...], int]
) -> Ints:
    """A number for the bigram of the steps at each two places; -1 beyond the plan's ends."""
    width = len(steps) + 1
    pairs, inverse = np.unique((first + 1) * width + second, return_inverse=True)
    numbers = [
        kinds.setdefault(bigram(steps[pair // width - 1], steps[pair % width]), len(kinds))
        if pair >= width and pair % width < len(steps)
        else -1
        for pair in pairs.tolist()
    ]
    return np.array(numbers, dtype=np.int64)[inverse].reshape(first.shape)
