"""Valid plans by random walks, and goals that they reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nsm.data.planning.execution import final_state
from nsm.data.planning.grounding import GroundAction, GroundTask, fact_ids


def random_walk(
    task: GroundTask,
    rng: np.random.Generator,
    length: int,
    start: int | None = None,
    focus: frozenset[str] | None = None,
) -> list[GroundAction] | None:
    """Draws ``length`` applicable steps.

    First an operator is drawn and then its arguments, so that rare operators get their turn. A step to a
    state that the walk has not seen is preferred, then one that does not undo the step before, then one that
    changes anything.

    Args:
        task: The task.
        rng: Where the chance comes from.
        length: The number of steps.
        start: The mask of the state to start from; the task's initial state if left out. Its static facts
            should be the task's own.
        focus: Objects that the walk keeps to as well as it can.

    Returns:
        The steps, or None at a dead end.
    """
    state = task.init if start is None else start
    before = state
    seen = {state}
    plan: list[GroundAction] = []
    for _ in range(length):
        actions = task.applicable(state)
        if focus is not None:
            strange = [sum(arg not in focus for arg in action.args) for action in actions]
            fewest = min(strange, default=0)
            actions = [action for action, count in zip(actions, strange, strict=True) if count == fewest]
        action = _choose(actions, state, before, seen, rng)
        if action is None:
            return None
        plan.append(action)
        before, state = state, state & action.keep | action.add
        seen.add(state)
    return plan


def choose_focus(task: GroundTask, rng: np.random.Generator, size: int) -> frozenset[str]:
    """Draws about ``size`` objects, each together with those that a static fact ties to it and to few others.

    Large problems leave a random walk no time to come back to anything; on few objects it does.
    """
    ties = task.ties
    focus: set[str] = set()
    names = list(task.problem.objects)
    for place in rng.permutation(len(names)).tolist():
        if len(focus) >= size:
            break
        focus |= {names[place], *ties.get(names[place], ())}
    return frozenset(focus)


def choose_goal(
    task: GroundTask,
    plan: Sequence[GroundAction],
    rng: np.random.Generator,
    most: int = 4,
    start: int | None = None,
) -> tuple[int, ...] | None:
    """Draws 1 to ``most`` facts that the plan changed and that hold at its end.

    Facts that did not hold at first are taken where there are any; otherwise some that were undone and
    redone.

    Returns:
        The ids, ascending, or None if the plan changes nothing that holds at its end.
    """
    first = task.init if start is None else start
    last = final_state(first, plan)
    changed, state = 0, first
    for action in plan:
        after = state & action.keep | action.add
        changed, state = changed | (state ^ after), after
    candidates = fact_ids(last & ~first) or fact_ids(last & changed)
    if not candidates:
        return None
    # a goal that the last step speaks of would show at a glance whether the two fit together
    candidates = tuple(fact for fact in candidates if not _is_about(task, fact, plan[-1])) or candidates
    count = min(1 + int(rng.random() * most), len(candidates))
    chosen = rng.choice(len(candidates), size=count, replace=False)
    return tuple(sorted(candidates[int(index)] for index in chosen))


def _is_about(task: GroundTask, fact: int, action: GroundAction) -> bool:
    return all(arg in action.args for arg in task.facts[fact].args)


def _choose(
    actions: Sequence[GroundAction], state: int, before: int, seen: set[int], rng: np.random.Generator
) -> GroundAction | None:
    second = third = fourth = None
    for action in _shuffled(actions, rng):
        after = state & action.keep | action.add
        if after not in seen:
            return action
        if after not in (state, before):
            second = second or action
        elif after != state:
            third = third or action
        else:
            fourth = fourth or action
    return second or third or fourth


def _shuffled(actions: Sequence[GroundAction], rng: np.random.Generator) -> Iterator[GroundAction]:
    """Yields every action once: each time a random operator among those left, then a random action of it."""
    groups: dict[str, list[GroundAction]] = {}
    for action in actions:
        groups.setdefault(action.name, []).append(action)
    left = list(groups.values())
    while left:
        group = left[int(rng.random() * len(left))]
        place = int(rng.random() * len(group))
        group[place], group[-1] = group[-1], group[place]
        yield group.pop()
        if not group:
            left.remove(group)
