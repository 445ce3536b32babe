"""What a trivial probe sees of a story, kept up to date while steps are exchanged one by one.

Counts, degrees and roles are summed up in a few integers: two stories with equal integers have equal histograms of
node types, roles, relations, and degrees of facts and of objects. Degrees enter as sums of fixed random 62-bit
numbers, so that different histograms collide with a probability near ``1e-18``.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from functools import lru_cache

import numpy as np

from nsm.data.planning.grounding import GroundAction, GroundTask, fact_ids, fact_mask

MAX_DEGREE = 4096
ViewKey = tuple[int, int, int, int]

_FACT, _OBJECT, _ROLE = (
    [int(number) for number in row] for row in np.random.default_rng(20_24).integers(1, 2**62, (3, MAX_DEGREE))
)


@lru_cache(maxsize=100_000)
def step_facts(action: GroundAction) -> tuple[tuple[int, ...], ...]:
    """The facts of a step by relation: needs (and keeps), consumes (needs and deletes), needs not, adds, deletes.

    Need and deletion of one fact are one edge: with two, the parity of a fact's degree would tell whether it holds.
    """
    deleted, needed = set(action.deletes), set(action.needs)
    kept = tuple(fact for fact in action.needs if fact not in deleted)
    consumed = tuple(fact for fact in action.needs if fact in deleted)
    return kept, consumed, action.needs_not, action.adds, tuple(f for f in action.deletes if f not in needed)


class TrivialView:
    """The degrees of a story's graph.

    Args:
        task: The problem.
        init, goal, goal_not: Masks of facts; the goals' facts are always in the graph.
        plan: The steps to begin with.
    """

    def __init__(self, task: GroundTask, init: int, goal: int, goal_not: int, plan: Iterable[GroundAction]) -> None:
        self._task = task
        self._flags = (init, goal, goal_not)
        self._edges: dict[int, int] = {}
        self._links: dict[str, int] = {}
        self._looks: dict[int, tuple[int, int, tuple[str, ...]]] = {}
        self._facts = self._fact_hash = self._object_hash = self._role_hash = 0
        for fact in fact_ids(goal | goal_not):
            self._touch(fact, 1)
        for action in plan:
            for fact, by in _edge_counts(action).items():
                self._touch(fact, by)
            for arg in action.args:
                self._link(arg, 1)

    @property
    def key(self) -> ViewKey:
        """Equal keys, equal trivial features."""
        return self._facts, self._fact_hash, self._object_hash, self._role_hash

    @property
    def present(self) -> int:
        """Mask of the facts in the graph."""
        return fact_mask(fact for fact, edges in self._edges.items() if edges)

    def copy(self) -> TrivialView:
        """A view that changes on its own."""
        other = copy(self)
        other._edges, other._links = self._edges.copy(), self._links.copy()
        return other

    def exchange(self, old: GroundAction, new: GroundAction) -> None:
        """Puts one step in the place of another of the same operator."""
        facts, links = _changes(old, new)
        for fact, by in facts:
            self._touch(fact, by)
        for name, by in links:
            self._link(name, by)

    def set_flags(self, init: int, goal: int, goal_not: int) -> None:
        """Exchanges the initial state and the goals."""
        was_goal, new_goal = self._flags[1] | self._flags[2], goal | goal_not
        changed = was_goal | new_goal
        for old, new in zip(self._flags, (init, goal, goal_not), strict=True):
            changed |= old ^ new
        held = [(fact, self._edges.get(fact, 0)) for fact in fact_ids(changed)]
        for fact, edges in held:
            if edges:
                self._touch(fact, -edges)
        self._flags, self._looks = (init, goal, goal_not), {}
        for fact, edges in held:
            edges += (new_goal >> fact & 1) - (was_goal >> fact & 1)
            if edges:
                self._touch(fact, edges)

    def _touch(self, fact: int, by: int) -> None:
        """Adds or removes edges of a fact, and with the first or last one the fact itself."""
        extra, role, args = self._looks.get(fact) or self._look(fact)
        before = self._edges.get(fact, 0)
        after = self._edges[fact] = before + by
        if before:
            self._fact_hash -= _FACT[before + extra]
        if after:
            self._fact_hash += _FACT[after + extra]
            if before:
                return
        sign = 1 if after else -1
        self._facts += sign
        self._role_hash += sign * _ROLE[role]
        for arg in args:
            self._link(arg, sign)

    def _look(self, fact: int) -> tuple[int, int, tuple[str, ...]]:
        """What the edges of steps do not decide: the fact's other edges, its role and its objects."""
        init, goal, goal_not = self._flags
        args, held = self._task.facts[fact].args, init >> fact & 1
        role = held | (goal >> fact & 1) << 1 | (goal_not >> fact & 1) << 2
        # the edge from the goal is counted among those of the steps
        looks = self._looks[fact] = (len(args) + held, role, args)
        return looks

    def _link(self, name: str, by: int) -> None:
        before = self._links.get(name, 0)
        after = self._links[name] = before + by
        if before:
            self._object_hash -= _OBJECT[before]
        if after:
            self._object_hash += _OBJECT[after]


@lru_cache(maxsize=100_000)
def _edge_counts(action: GroundAction) -> dict[int, int]:
    """Number of edges from a step to each of its facts."""
    counts: dict[int, int] = {}
    for facts in step_facts(action):
        for fact in facts:
            counts[fact] = counts.get(fact, 0) + 1
    return counts


@lru_cache(maxsize=200_000)
def _changes(old: GroundAction, new: GroundAction) -> tuple[list[tuple[int, int]], list[tuple[str, int]]]:
    """Edges of facts and of objects that come or go where one step takes the place of another."""
    counts = dict(_edge_counts(new))
    for fact, by in _edge_counts(old).items():
        counts[fact] = counts.get(fact, 0) - by
    links = [link for a, b in zip(old.args, new.args, strict=True) if a != b for link in ((a, -1), (b, 1))]
    return [(fact, by) for fact, by in counts.items() if by], links
