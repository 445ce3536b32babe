"""Twins: from a plan that works, one that fails for a reason that no count or local pattern shows.

Either two runs of steps change places (see `nsm.data.planning.reordering`), or two objects of one kind do: in the
initial state only, in the plan from some step on only, or in the goal only. The executor says whether the result still
works; if it does, it counts as valid. A twin is taken only where it agrees with its partner exactly in what trivial
probes see (numbers of nodes and of edges by relation, roles, degrees) and in every pair of neighbouring steps. Twins by
reordering also agree in the edges of each fact; after a swap of objects some facts are added or taken away once too
often, which counting alone can show, and so swaps are a minority (see `nsm.data.planning.source`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from nsm.data.planning.execution import Execution, execute, find_causes
from nsm.data.planning.grounding import GroundAction, GroundTask, fact_ids
from nsm.data.planning.reordering import bigram, reorderings
from nsm.data.planning.strips import Atom
from nsm.data.planning.view import TrivialView, step_facts

LOOKED_AT = 8  # twins of one plan that are compared in detail


@dataclass(frozen=True)
class Story:
    """An initial state, a plan and a goal, all on one task's fact numbers.

    Attributes:
        init, goal, goal_not: Masks of facts.
        kind: Where objects were swapped, ``initial``, ``plan`` or ``goal``; or ``order`` (of steps), or ``none``.
        swapped: The two objects, or nothing.
        start: The first changed step, 0 unless ``kind`` is ``plan`` or ``order``.
    """

    task: GroundTask
    init: int
    plan: tuple[GroundAction, ...]
    goal: int
    goal_not: int = 0
    kind: str = "none"
    swapped: tuple[str, ...] = ()
    start: int = 0

    def run(self) -> Execution:
        """What the executor says."""
        return execute(self.init, self.plan, self.goal, self.goal_not)


@dataclass(frozen=True)
class Twins:
    """Two stories of one problem, one that works and one that fails, and the failure."""

    valid: Story
    invalid: Story
    failure: Execution


def ends(story: Story) -> Counter[tuple[object, ...]]:
    """What the initial state says of the first step's objects only, and the goal of the last step's."""
    found: Counter[tuple[object, ...]] = Counter(_about(story, story.init, story.plan[0]))
    found.update(_about(story, story.goal, story.plan[-1]))
    return found


def largest_degrees(story: Story) -> tuple[object, ...]:
    """The largest number of edges of each relation at any fact, step or object."""
    seen = _edges_of_facts(story)
    places = Counter((k, arg) for fact in seen for k, arg in enumerate(story.task.facts[fact].args))
    places.update((k, arg) for action in story.plan for k, arg in enumerate(action.args))
    most: dict[int, int] = {}
    for (k, _), count in places.items():
        most[k] = max(most.get(k, 0), count)
    return (*map(max, zip(*seen.values(), strict=True)), *sorted(most.items()))


def difference(one: Story, other: Story) -> int:
    """How much two stories differ in what a somewhat deeper look shows: the smaller, the better hidden.

    Counted are facts without a counterpart with the same edges, pairs of steps two places apart, and pairs of
    consecutive steps of one object.
    """
    a, b = _deeper_look(one), _deeper_look(other)
    return (a - b).total() + (b - a).total()


def _deeper_look(story: Story) -> Counter[tuple[object, ...]]:
    seen: Counter[tuple[object, ...]] = Counter(_edges_of_facts(story).values())
    seen.update(("apart", *bigram(first, second)) for first, second in zip(story.plan, story.plan[2:], strict=False))
    before: dict[str, tuple[str, int]] = {}
    for action in story.plan:
        seen.update(("object", before.get(arg), action.name, place) for place, arg in enumerate(action.args))
        before |= {arg: (action.name, place) for place, arg in enumerate(action.args)}
    return seen


def has_orphan(story: Story) -> bool:
    """Whether a fact is wanted that neither holds at first nor is ever added: a failure seen at a glance."""
    return any(
        (needs or consumes or goal) and not adds and not held
        for needs, consumes, _, adds, _, goal, _, held in _edges_of_facts(story).values()
    )


def _edges_of_facts(story: Story) -> dict[int, tuple[int, ...]]:
    """How often each mentioned fact is in each relation of `step_facts`, wanted, wanted not, and held at first."""
    events: defaultdict[int, list[int]] = defaultdict(lambda: [0] * 8)
    for action in story.plan:
        for column, facts in enumerate(step_facts(action)):
            for fact in facts:
                events[fact][column] += 1
    for column, mask in ((5, story.goal), (6, story.goal_not)):
        for fact in fact_ids(mask):
            events[fact][column] += 1
    for fact, seen in events.items():
        seen[7] = story.init >> fact & 1
    return {fact: tuple(seen) for fact, seen in events.items()}


def _about(story: Story, mask: int, action: GroundAction) -> Iterator[tuple[object, ...]]:
    """The facts of a mask that are only about a step's objects, with the objects' places in the step."""
    place = {arg: index for index, arg in enumerate(action.args)}
    for fact in fact_ids(mask):
        atom = story.task.facts[fact]
        if all(arg in place for arg in atom.args):
            yield (action.name, atom.predicate, *(place[arg] for arg in atom.args))


def kinds_of_objects(task: GroundTask) -> dict[str, tuple[object, ...]]:
    """What makes objects interchangeable: the declared type and, for untyped domains, the static unary facts."""
    fluents = task.domain.fluents
    static: defaultdict[str, list[str]] = defaultdict(list)
    for fact in task.problem.init:
        if len(fact.args) == 1 and fact.predicate not in fluents:
            static[fact.args[0]].append(fact.predicate)
    constants = task.domain.constants
    kinds = task.problem.objects.items()
    return {name: (kind, *sorted(static[name])) for name, kind in kinds if name not in constants}


class Swapper:
    """Makes stories with two objects exchanged.

    Args:
        task: The problem; its kinds of objects are worked out once.
    """

    def __init__(self, task: GroundTask) -> None:
        self.task = task
        self._fluents: dict[int, list[int]] = {}
        members: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
        for name, kind in kinds_of_objects(task).items():
            members[kind].append(name)
        self.classes = [names for names in members.values() if len(names) > 1]

    def pairs(self, story: Story) -> list[tuple[str, str]]:
        """Pairs of interchangeable objects that both take part in the plan."""
        used = {arg for action in story.plan for arg in action.args}
        return [pair for names in self.classes for pair in combinations([n for n in names if n in used], 2)]

    def initial(self, story: Story, a: str, b: str) -> Story:
        """Exchanges two objects in the changeable facts of the initial state."""
        init = self._renamed(story.init, self._changeable(story.init), a, b)
        return replace(story, init=init, kind="initial", swapped=(a, b))

    def goal(self, story: Story, a: str, b: str) -> Story:
        """Exchanges two objects in the goal."""
        goal = self._renamed(story.goal, fact_ids(story.goal), a, b)
        goal_not = self._renamed(story.goal_not, fact_ids(story.goal_not), a, b)
        return replace(story, goal=goal, goal_not=goal_not, kind="goal", swapped=(a, b))

    def lookalikes(self, story: Story) -> Iterator[Story]:
        """Yields the swaps that change something and that a trivial probe cannot tell from the story."""
        whole = view_of(story)
        present = whole.present
        for a, b in self.pairs(story):
            for swapped in (self.initial(story, a, b), self.goal(story, a, b)):
                if self._may_look_alike(story, swapped, present):
                    view = whole.copy()
                    view.set_flags(swapped.init, swapped.goal, swapped.goal_not)
                    if view.key == whole.key:
                        yield swapped
            yield from self._plan_swaps(story, a, b, whole)

    def _plan_swaps(self, story: Story, a: str, b: str, whole: TrivialView) -> Iterator[Story]:
        """Moves the first swapped step back from the end; the view changes by one step each time."""
        plan = list(story.plan)
        view = whole.copy()
        pending: list[tuple[GroundAction, GroundAction]] = []
        for start in range(len(plan) - 1, 0, -1):
            old = plan[start]
            if a not in old.args and b not in old.args:
                continue
            new = plan[start] = self.task.action(old.name, tuple(_other(arg, a, b) for arg in old.args))
            pending.append((old, new))
            if bigram(plan[start - 1], old) != bigram(plan[start - 1], new):
                continue
            for before, after in pending:
                view.exchange(before, after)
            pending.clear()
            if view.key == whole.key:
                yield replace(story, plan=tuple(plan), kind="plan", swapped=(a, b), start=start)

    @staticmethod
    def _may_look_alike(story: Story, swapped: Story, present: int) -> bool:
        """Whether a swap changes facts of the graph, and neither their number nor how many of them hold at first."""
        gone, come = story.init & ~swapped.init & present, swapped.init & ~story.init & present
        aims, new_aims = story.goal | story.goal_not, swapped.goal | swapped.goal_not
        is_changed = gone or (story.goal, story.goal_not) != (swapped.goal, swapped.goal_not)
        return bool(is_changed) and gone.bit_count() == come.bit_count() and not new_aims & ~(present | aims)

    def _changeable(self, init: int) -> Sequence[int]:
        """The fluents of an initial state, worked out once for each."""
        if init not in self._fluents:
            self._fluents[init] = [fact for fact in fact_ids(init) if self.task.is_fluent(fact)]
        return self._fluents[init]

    def _renamed(self, mask: int, facts: Sequence[int], a: str, b: str) -> int:
        for fact in facts:
            mask &= ~(1 << fact)
        for fact in facts:
            atom = self.task.facts[fact]
            mask |= 1 << self.task.fact_id(Atom(atom.predicate, tuple(_other(arg, a, b) for arg in atom.args)))
        return mask


def _other(arg: str, a: str, b: str) -> str:
    if arg == a:
        return b
    return a if arg == b else arg


def view_of(story: Story) -> TrivialView:
    """What a trivial probe sees of a story."""
    return TrivialView(story.task, story.init, story.goal, story.goal_not, story.plan)


def reordered(story: Story, rng: np.random.Generator) -> Iterator[Story]:
    """Yields the story with its steps in other orders that neither counts nor neighbouring steps tell apart."""
    for start, plan in reorderings(story.plan, rng):
        yield replace(story, plan=plan, kind="order", start=start)


def find_twins(
    story: Story, distances: range, rng: np.random.Generator, *, by_order: bool = True, by_steps: bool = False
) -> Twins | None:
    """Looks for a pair of stories that only reasoning over the whole plan can tell apart.

    The valid twin has been altered too, wherever an alteration leaves the plan valid: so it is not to be known by
    being a random walk. Every distance that occurs has the same chance to come first, so that far causes are not rare;
    of the first `LOOKED_AT` failures the one most like its twin is taken, see `difference`.

    Args:
        story: A story that works.
        distances: Allowed numbers of steps from the nearest of all broken conditions back to its cause.
        rng: Source of the choice.
        by_order: Whether runs of steps change places rather than objects.
        by_steps: Whether a step has to have caused each broken condition.

    Returns:
        The twins, or None where no alteration of this plan will do.
    """
    working, failing = [], []
    for altered in reordered(story, rng) if by_order else Swapper(story.task).lookalikes(story):
        causes = find_causes(altered.init, altered.plan, altered.goal, altered.goal_not)
        if causes is None:
            working.append(altered)
        elif causes.nearest in distances and causes.by_steps >= by_steps:
            failing.append((causes.nearest, altered))
    good = working[int(rng.integers(len(working)))] if working else story
    bad = _choose(failing, good, rng)
    return None if bad is None else Twins(good, bad, bad.run())


def _choose(failing: Sequence[tuple[int, Story]], good: Story, rng: np.random.Generator) -> Story | None:
    """Draws a distance, then failures at that distance (and, where they are few, at others) that look like ``good``."""
    turn = {distance: rng.random() for distance in sorted({distance for distance, _ in failing})}
    shuffled = [failing[index] for index in rng.permutation(len(failing)).tolist()]
    seen = _overlooked(good)
    found: list[Story] = []
    for _, bad in sorted(shuffled, key=lambda known: turn[known[0]]):
        if _overlooked(bad) == seen and not has_orphan(bad):
            found.append(bad)
            if len(found) == LOOKED_AT:
                break
    return min(found, key=lambda bad: difference(good, bad), default=None)


def _overlooked(story: Story) -> tuple[object, ...]:
    """What twins agree in beyond the view's key."""
    return ends(story), largest_degrees(story)
