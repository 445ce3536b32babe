"""The oracle: runs a plan on bit masks, and says where and why it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nsm.data.planning.grounding import GroundAction, fact_ids


@dataclass(frozen=True)
class Execution:
    """What became of a plan.

    Attributes:
        valid: Whether every step was applicable and the goal holds at the end.
        failed_step: The first inapplicable step, counted from 0; the plan's length if only the goal fails;
            else None.
        unmet: The facts that had to hold at that point and did not (ascending ids).
        violated: The facts that must not hold at that point and did (ascending ids).
        last_changes: For each of ``unmet + violated``, the point at which it was last changed: 0 is the
            initial state, ``i + 1`` is step ``i``. A step changes a fact when it adds or deletes it and the
            truth value flips.
        last_change: The latest of these, so that no cause lies nearer to the failure; None for a valid plan.
        distance: ``(failed_step + 1) - last_change``: 1 if the very step before broke the fact, more if it
            was broken (or left unmade) further back; None for a valid plan.
    """

    valid: bool
    failed_step: int | None = None
    unmet: tuple[int, ...] = ()
    violated: tuple[int, ...] = ()
    last_changes: tuple[int, ...] = ()
    last_change: int | None = None
    distance: int | None = None


_VALID = Execution(valid=True)


def execute(state: int, plan: Sequence[GroundAction], goal: int, goal_not: int = 0) -> Execution:
    """Runs ``plan`` from ``state``; all states and goals are bit masks over a task's fact ids.

    Args:
        state: The facts that hold at first.
        plan: The steps in order.
        goal: The facts that must hold at the end.
        goal_not: The facts that must not hold at the end.
    """
    current = state
    for index, action in enumerate(plan):
        if current & action.pos != action.pos or current & action.neg:
            return _explain(state, plan[:index], action.pos & ~current, action.neg & current)
        current = current & action.keep | action.add
    if current & goal != goal or current & goal_not:
        return _explain(state, plan, goal & ~current, goal_not & current)
    return _VALID


@dataclass(frozen=True)
class Causes:
    """What broke all the conditions that are not met, if a plan goes on after each failure.

    The first failure decides the label (`execute`); a later one that lies near its cause would still show it.

    Attributes:
        nearest: Fewest steps from a broken condition back to its cause.
        by_steps: Whether a step caused each of them; otherwise some fact was wanted that nothing had ever made true
            (or, unwanted, false), which shows in the first step that touches it.
    """

    nearest: int
    by_steps: bool


def find_causes(state: int, plan: Sequence[GroundAction], goal: int, goal_not: int = 0) -> Causes | None:
    """Looks at every condition of a plan and of its goal; None if all are met."""
    states, found = [state], []
    for point, (needed, unwanted) in enumerate([*((step.pos, step.neg) for step in plan), (goal, goal_not)], start=1):
        broken = needed & ~states[-1] | unwanted & states[-1]
        found += [(point, _last_change(states, 1 << fact)) for fact in fact_ids(broken)]
        if point <= len(plan):
            states.append(states[-1] & plan[point - 1].keep | plan[point - 1].add)
    if not found:
        return None
    return Causes(min(point - cause for point, cause in found), all(cause > 0 for _, cause in found))


def final_state(state: int, plan: Sequence[GroundAction]) -> int:
    """The state after ``plan``, whose steps are taken to be applicable."""
    for action in plan:
        state = state & action.keep | action.add
    return state


def _explain(state: int, done: Sequence[GroundAction], missing: int, forbidden: int) -> Execution:
    """Finds when each broken fact was last changed by the steps that were ``done``."""
    states = [state]
    for action in done:
        states.append(states[-1] & action.keep | action.add)
    unmet, violated = fact_ids(missing), fact_ids(forbidden)
    changes = tuple(_last_change(states, 1 << fact) for fact in (*unmet, *violated))
    latest = max(changes)
    return Execution(False, len(done), unmet, violated, changes, latest, len(done) + 1 - latest)


def _last_change(states: Sequence[int], bit: int) -> int:
    for point in range(len(states) - 1, 0, -1):
        if (states[point] ^ states[point - 1]) & bit:
            return point
    return 0
