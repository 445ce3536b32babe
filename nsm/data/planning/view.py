"""What a trivial probe sees of a story, kept up to date while steps are exchanged one by one.

Counts, degrees and roles are summed up in a few integers: two stories with equal integers have equal histograms of
node types, roles, relations, and degrees of facts and of objects. Degrees enter as sums of fixed random 62-bit
numbers, so that different histograms collide with a probability near ``1e-18``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from nsm.data.planning.grounding import GroundAction, GroundTask, fact_ids

MAX_DEGREE = 4096
ViewKey = tuple[int, int, int, int]

_FACT, _OBJECT, _ROLE = (
    [int(number) for number in row] for row in np.random.default_rng(20_24).integers(1, 2**62, (3, MAX_DEGREE))
)


def fact_events(action: GroundAction) -> tuple[int, ...]:
    """The facts that a step has an edge to, once for each edge; a needed fact that it deletes has one edge only."""
    needs = set(action.needs)
    return (
        *action.needs,
        *action.needs_not,
        *action.adds,
        *(fact for fact in action.deletes if fact not in needs),
    )


class TrivialView:
    """The degrees of a story's graph.

    Args:
        task: The problem.
        init, goal, goal_not: Masks of facts; the goals' facts are always in the graph.
        plan: The steps to begin with.
    """

    def __init__(
        self, task: GroundTask, init: int, goal: int, goal_not: int, plan: Iterable[GroundAction]
    ) -> None:
        self.task = task
        self._flags = (init, goal, goal_not)
        self._events: Counter[int] = Counter()
        self._objects: Counter[str] = Counter()
        self._facts = self._fact_hash = self._object_hash = self._role_hash = 0
        for fact in fact_ids(goal | goal_not):
            self._touch(fact, 1)  # a mention that is no edge of a step keeps the fact in the graph
        for action in plan:
            self.add(action)

    @property
    def key(self) -> ViewKey:
        """Equal keys, equal trivial features."""
        return self._facts, self._fact_hash, self._object_hash, self._role_hash

    def add(self, action: GroundAction) -> None:
        """Puts a step into the plan."""
        self._change(action, 1)

    def remove(self, action: GroundAction) -> None:
        """Takes a step out of the plan."""
        self._change(action, -1)

    def _change(self, action: GroundAction, by: int) -> None:
        for fact in fact_events(action):
            self._touch(fact, by)
        for arg in action.args:
            self._link(arg, by)

    def _touch(self, fact: int, by: int) -> None:
        """Adds or removes one edge of a fact, and with the first or last one the fact itself."""
        before = self._events[fact]
        after = self._events[fact] = before + by
        args = self.task.facts[fact].args
        role, extra = 0, len(args)
        for bit, mask in enumerate(self._flags):
            held = mask >> fact & 1
            role |= held << bit
            extra += held
        if before:
            self._fact_hash -= _FACT[before + extra]
        if after:
            self._fact_hash += _FACT[after + extra]
        if not (before and after):
            sign = 1 if after else -1
            self._facts += sign
            self._role_hash += sign * _ROLE[role]
            for arg in args:
                self._link(arg, sign)

    def _link(self, name: str, by: int) -> None:
        before = self._objects[name]
        after = self._objects[name] = before + by
        if before:
            self._object_hash -= _OBJECT[before]
        if after:
            self._object_hash += _OBJECT[after]
