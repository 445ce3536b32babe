"""The noise of a model: drawn so that it explains a world, and followed through the mechanisms, perhaps to a twin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.causal.models import MAX_PARENTS, OR, THRESHOLD, CausalModel
from nsm.data.causal.questions import COUNTERFACTUAL, Question
from nsm.data.causal.worlds import Worlds, matches

__all__ = ["Draw", "Noise", "draw_label", "evaluate", "explain"]

Array = npt.NDArray[Any]

TRIES = 16  # draws of an unlikely variable's noise, made together


@dataclass(frozen=True)
class Noise:
    """One outcome of everything that is random in a model, variable by variable.

    Args:
        leaks: Whether each leak fires.
        transmits: Whether each cause transmits, a row for each variable.
        flips: Whether each variable is turned round.
    """

    leaks: list[bool]
    transmits: list[list[bool]]
    flips: list[bool]


@dataclass(frozen=True, eq=False)
class Draw:
    """What happened: the world that was observed, its noise, and the answer.

    Args:
        world: Value of each variable, ``(n,)``; of rung two, after the intervention.
        noise: What explains it.
        label: Value of the query, in the twin world for a counterfactual.
    """

    world: Array
    noise: Noise
    label: int


def draw_label(worlds: Worlds, question: Question, rng: np.random.Generator) -> Draw:
    """Draws a world that agrees with what is observed, the noise behind it, and so the answer.

    The label is 1 with exactly ``question.probability``.
    """
    model, nothing = worlds.model, np.full(worlds.model.size, -1)
    setting = nothing if question.rung == COUNTERFACTUAL else question.intervened
    weight = worlds.weights(setting) * matches(question.observed[None], worlds.bits)[0]
    cumulated = np.cumsum(weight)
    number = int(np.searchsorted(cumulated, rng.random() * cumulated[-1], side="right"))
    world = worlds.bits[number].astype(np.int64)
    noise = explain(model, world, setting, rng)
    answer = evaluate(model, noise, question.intervened) if question.rung == COUNTERFACTUAL else world.tolist()
    return Draw(world, noise, answer[question.query])


def explain(model: CausalModel, world: Array, setting: Array, rng: np.random.Generator) -> Noise:
    """Draws the noise of a model given all its values: each variable's own until it gives the value."""
    size, values, settings = model.size, world.tolist(), setting.tolist()
    noise = Noise([False] * size, [[False] * MAX_PARENTS] * size, [False] * size)
    leak = np.where(model.kind == THRESHOLD, 0.0, model.level)
    waiting, tries = list(range(size)), 1
    while waiting:
        uniform = rng.random((tries, len(waiting), MAX_PARENTS + 2))
        transmits = (uniform[:, :, :MAX_PARENTS] < model.strength[waiting]).tolist()
        leaks, flips = ((uniform[:, :, -k] < rate[waiting]).tolist() for k, rate in ((2, leak), (1, model.noise)))
        missed = []
        for place, v in enumerate(waiting):
            for row in range(tries):
                noise.transmits[v], noise.leaks[v] = transmits[row][place], leaks[row][place]
                noise.flips[v] = flips[row][place]
                if settings[v] >= 0 or _value(model, v, noise, values) == values[v]:
                    break
            else:
                missed.append(v)
        waiting, tries = missed, TRIES
    return noise


def evaluate(model: CausalModel, noise: Noise, setting: Array) -> list[int]:
    """The world that follows from the noise where some variables are set.

    Shapes:
        - **setting**: ``(n,)`` values that are set, -1 = not set.
    """
    values: list[int] = []
    for v, fixed in enumerate(setting.tolist()):
        values.append(fixed if fixed >= 0 else _value(model, v, noise, values))
    return values


def _value(model: CausalModel, v: int, noise: Noise, values: list[int]) -> int:
    """The value of one variable, given the noise and the values of its causes."""
    kind, fires, blocked, total = model.kind[v], noise.leaks[v], False, 0.0
    for (parent, promotes, strength), transmits in zip(model.causes[v], noise.transmits[v], strict=False):
        value = values[parent] == 1
        total += value * (strength if promotes else -strength)
        if kind == OR:
            fires = fires or (transmits and value == promotes)
        elif promotes:
            fires = fires or (transmits and value)
        else:
            blocked = blocked or (transmits and value)
    before = total >= model.level[v] if kind == THRESHOLD else fires and not blocked
    return int(before != noise.flips[v])
