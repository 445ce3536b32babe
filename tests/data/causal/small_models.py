"""Small causal models, and brute force over their noise: every outcome of every leak, cause and flip, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from nsm.data.causal.models import AND_NOT, OR, THRESHOLD, CausalModel

Values = dict[int, int]


def random_model(seed: int, size: int = 4) -> CausalModel:
    """A model with every kind of mechanism and at most six edges, so that its noise can be listed."""
    rng = np.random.default_rng(seed)
    parent = np.full((size, 3), -1)
    for v in range(1, size):
        count = min(v, int(rng.integers(1, 3)))
        parent[v, :count] = rng.permutation(v)[:count]
    level = rng.integers(5, 60, size) / 100 + 0.005
    strength = np.where(parent >= 0, rng.integers(30, 95, (size, 3)) / 100, 0.0)
    return CausalModel(
        kind=rng.permutation(np.arange(size) % 3),
        level=level,
        noise=rng.integers(5, 30, size) / 100,
        parent=parent,
        promotes=rng.random((size, 3)) < 0.6,
        strength=strength,
    )


def follow(
    model: CausalModel, leaks: list[bool], sends: dict[tuple[int, int], bool], flips: list[bool], fixed: Values
) -> list[int]:
    """The world that follows from one outcome of the noise."""
    world: list[int] = []
    for v in range(model.size):
        causes = [(p, bool(model.promotes[v, k]), float(model.strength[v, k])) for k, p in enumerate(model.parents[v])]
        active = [sends[v, p] for p, _, _ in causes]
        if model.kind[v] == OR:
            one = leaks[v] or any(on and world[p] == plus for (p, plus, _), on in zip(causes, active, strict=True))
        elif model.kind[v] == AND_NOT:
            one = leaks[v] or any(on and world[p] for (p, plus, _), on in zip(causes, active, strict=True) if plus)
            one &= not any(on and world[p] for (p, plus, _), on in zip(causes, active, strict=True) if not plus)
        else:
            one = sum((w if plus else -w) * world[p] for p, plus, w in causes) >= model.level[v]
        world.append(fixed.get(v, int(bool(one) != flips[v])))
    return world


def outcomes(model: CausalModel, fixed: Values) -> Iterator[tuple[float, list[int], list[int]]]:
    """Of each outcome of the noise its probability, the world as it is, and the world where some values are set."""
    edges = [(v, p) for v in range(model.size) if model.kind[v] != THRESHOLD for p in model.parents[v]]
    strength = {(v, p): float(model.strength[v, k]) for v in range(model.size) for k, p in enumerate(model.parents[v])}
    rates = [0.0 if model.kind[v] == THRESHOLD else float(model.level[v]) for v in range(model.size)]
    rates += [float(rate) for rate in model.noise] + [strength[edge] for edge in edges]
    for drawn in product((False, True), repeat=len(rates)):
        probability = float(np.prod([rate if on else 1 - rate for rate, on in zip(rates, drawn, strict=True)]))
        if not probability:
            continue
        leaks, flips = list(drawn[: model.size]), list(drawn[model.size : 2 * model.size])
        sends = dict.fromkeys(strength, True) | dict(zip(edges, drawn[2 * model.size :], strict=True))
        yield (
            probability,
            follow(model, leaks, sends, flips, {}),
            follow(model, leaks, sends, flips, fixed),
        )


def as_row(values: Values, size: int) -> np.ndarray:
    row = np.full(size, -1)
    for v, value in values.items():
        row[v] = value
    return row
