"""Draws scenarios: a random graph of causes with its mechanisms, perhaps with a confounder that is never observed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nsm.data.causal.models import AND_NOT, MAX_PARENTS, OR, THRESHOLD, CausalModel

__all__ = ["NAMES", "Scenario", "draw_scenario"]

PARENT_SHARES = (0.15, 0.45, 0.32, 0.08)  # of variables with 0, 1, 2 and 3 direct causes
KIND_SHARES = (0.4, 0.3, 0.3)
PROMOTES = 0.6
STRENGTHS = (70, 99)  # in hundredths, as all numbers of a model, so that a sum never ties with a threshold
NAMES = {
    "confounder": ("age", "income", "diet", "stress", "genotype", "climate", "workload", "housing", "season"),
    "treatment": ("drug A", "drug B", "vaccine", "exercise", "surgery", "therapy", "screening", "sleep aid", "inhaler"),
    "symptom": (
        "fever",
        "cough",
        "fatigue",
        "headache",
        "nausea",
        "rash",
        "dizziness",
        "swelling",
        "insomnia",
        "anxiety",
        "chest pain",
        "tremor",
        "chills",
        "itching",
        "cramps",
        "weakness",
    ),
    "outcome": ("recovery", "relapse", "admission", "discharge", "remission", "disability"),
    "hidden": ("unmeasured cause",),
}
"""What variables are called, for display only."""


@dataclass(frozen=True)
class DrawnEdges:
    """Causes and effects that are drawn, numbered as the nodes of the graph, and where the model has them.

    Args:
        head: Node of each cause.
        tail: Node of each effect.
        effect: Variable that is the effect.
        place: Place of the cause among those of the effect.
    """

    head: list[int]
    tail: list[int]
    effect: list[int]
    place: list[int]


@dataclass(frozen=True, eq=False)
class Scenario:
    """A model, and its confounder that nobody measures, if it has one.

    Args:
        model: The true model.
        hidden: The confounder that is never observed; None where there is none.
        is_drawn: Whether that confounder is drawn in the graph.
    """

    model: CausalModel
    hidden: int | None = None
    is_drawn: bool = True

    @cached_property
    def observable(self) -> list[int]:
        """The variables that may be observed, set or asked about."""
        return [v for v in range(self.model.size) if v != self.hidden]

    @cached_property
    def drawn(self) -> list[int]:
        """The variables that are nodes of the graph."""
        return [v for v in range(self.model.size) if v != self.hidden or self.is_drawn]

    @cached_property
    def edges(self) -> DrawnEdges:
        """The causes that are drawn."""
        number = {v: place for place, v in enumerate(self.drawn)}
        edges = DrawnEdges([], [], [], [])
        for v in self.drawn:
            for place, parent in enumerate(self.model.parents[v]):
                if parent in number:
                    edges.head.append(number[parent])
                    edges.tail.append(number[v])
                    edges.effect.append(v)
                    edges.place.append(place)
        return edges

    @property
    def confounder(self) -> str:
        """``none``, ``drawn`` or ``undrawn``."""
        return "none" if self.hidden is None else "drawn" if self.is_drawn else "undrawn"

    def names(self, query: int, rng: np.random.Generator) -> list[str]:
        """A name for each variable by its place in the graph; for display only."""
        pools = {kind: iter(rng.permutation(words).tolist()) for kind, words in NAMES.items()}
        places = [self._place(v, query) for v in range(self.model.size)]
        return [str(next(pools[place], f"{place} {v}")) for v, place in enumerate(places)]

    def _place(self, v: int, query: int) -> str:
        if v == self.hidden:
            return "hidden"
        if v == query:
            return "outcome"
        if self.model.parents[v]:
            return "symptom"
        return "confounder" if len(self.model.children[v]) > 1 else "treatment"


def draw_scenario(rng: np.random.Generator, size: int, hidden_share: float) -> Scenario | None:
    """Draws a model of ``size`` variables, perhaps with one of them hidden.

    Args:
        rng: Where the randomness comes from.
        size: Number of variables.
        hidden_share: Probability of a hidden confounder; half of them are drawn.

    Returns:
        The scenario; None where a hidden variable has nothing to confound.
    """
    is_hidden = bool(rng.random() < hidden_share)
    model = draw_model(rng, size)
    if not is_hidden:
        return Scenario(model)
    roots = [v for v in range(size) if not model.parents[v] and len(model.children[v]) > 1]
    if not roots:
        return None
    return Scenario(model, int(rng.choice(roots)), bool(rng.random() < 0.5))


def draw_model(rng: np.random.Generator, size: int) -> CausalModel:
    """Draws a graph, then a mechanism for each variable."""
    parent = np.full((size, MAX_PARENTS), -1)
    counts = np.minimum(rng.choice(len(PARENT_SHARES), size, p=PARENT_SHARES), np.arange(size))
    for v, count in enumerate(counts.tolist()):
        parent[v, :count] = rng.permutation(v)[:count]
    is_root = counts == 0
    kind = np.where(is_root, OR, rng.choice(len(KIND_SHARES), size, p=KIND_SHARES))
    strength = np.where(parent >= 0, rng.integers(*STRENGTHS, (size, MAX_PARENTS)) / 100, 0.0)
    promotes = rng.random((size, MAX_PARENTS)) < PROMOTES
    level = rng.integers(2, 11, size) / 100
    level[is_root] = rng.integers(30, 71, is_root.sum()) / 100
    has_promoter = (promotes & (parent >= 0)).any(axis=1)
    level[(kind == AND_NOT) & ~has_promoter] = rng.integers(80, 98, ((kind == AND_NOT) & ~has_promoter).sum()) / 100
    kind_threshold = np.flatnonzero(kind == THRESHOLD)
    level[kind_threshold] = [_threshold(rng, strength[v], promotes[v]) for v in kind_threshold]
    return CausalModel(kind, level, rng.integers(1, 5, size) / 100, parent, promotes, strength)


def _threshold(rng: np.random.Generator, strength: np.ndarray, promotes: np.ndarray) -> float:
    """A threshold that the causes can reach and miss, half a hundredth off every sum."""
    signed = np.where(promotes, strength, -strength)
    low, high = round(100 * signed[signed < 0].sum()), round(100 * signed[signed > 0].sum())
    return float(rng.integers(low, high) + 0.5) / 100
