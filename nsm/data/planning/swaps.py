"""Identity swaps: from a plan that works, a twin that fails for a reason that no count or local pattern shows.

Two objects of one kind change places in the initial state only, in the plan from some step on only, or in the goal
only. The executor says whether the result still works; if it does, it counts as valid. A twin is taken only where it
agrees with its partner in what a trivial probe sees: numbers of nodes, of edges by relation, and as nearly as
possible the events of each fact, the degrees of objects and the patterns of consecutive steps.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from nsm.data.planning.execution import Execution, execute, is_valid
from nsm.data.planning.grounding import GroundAction, GroundTask, fact_ids
from nsm.data.planning.strips import Atom
from nsm.data.planning.view import TrivialView, ViewKey, step_facts

KINDS = ("initial", "plan", "goal")
LOOKED_AT = 6  # matching swaps of one plan that are compared in detail


@dataclass(frozen=True)
class Story:
    """An initial state, a plan and a goal, all on one task's fact numbers.

    Attributes:
        init, goal, goal_not: Masks of facts.
        kind: Where objects were swapped: ``none``, ``initial``, ``plan`` or ``goal``.
        swapped: The two objects, or nothing.
        start: The first swapped step, 0 unless ``kind`` is ``plan``.
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

    def works(self) -> bool:
        """Whether the plan executes and reaches the goal, without the reasons."""
        return is_valid(self.init, self.plan, self.goal, self.goal_not)


@dataclass(frozen=True)
class Twins:
    """Two stories of one problem, one that works and one that fails, and the failure."""

    valid: Story
    invalid: Story
    failure: Execution


def patterns(story: Story) -> Counter[tuple[object, ...]]:
    """What twins should agree in as nearly as possible.

    These are the edges of each fact by relation, bigrams of consecutive steps, and what the initial state and the
    goal say of the first and the last step's objects.
    """
    found: Counter[tuple[object, ...]] = Counter(("fact", *seen) for seen in _edges_of_facts(story).values())
    found.update(("steps", *bigram(a, b)) for a, b in zip(story.plan, story.plan[1:], strict=False))
    found.update(_about(story, story.init, story.plan[0]))
    found.update(_about(story, story.goal, story.plan[-1]))
    return found


def distance(one: Story, other: Story) -> int:
    """How many patterns one story has and the other has not."""
    a, b = patterns(one), patterns(other)
    return (a - b).total() + (b - a).total()


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


def bigram(first: GroundAction, second: GroundAction) -> tuple[object, ...]:
    """Two consecutive steps without their objects: operators, and which arguments are the same object."""
    place: dict[str, int] = {}
    equal = tuple(place.setdefault(arg, len(place)) for arg in (*first.args, *second.args))
    return (first.name, second.name, *equal)


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
        facts = [fact for fact in fact_ids(story.init) if self.task.is_fluent(fact)]
        init = self._renamed(story.init, facts, a, b)
        return replace(story, init=init, kind="initial", swapped=(a, b))

    def goal(self, story: Story, a: str, b: str) -> Story:
        """Exchanges two objects in the goal."""
        goal = self._renamed(story.goal, fact_ids(story.goal), a, b)
        goal_not = self._renamed(story.goal_not, fact_ids(story.goal_not), a, b)
        return replace(story, goal=goal, goal_not=goal_not, kind="goal", swapped=(a, b))

    def swaps(self, story: Story) -> Iterator[tuple[Story, ViewKey]]:
        """Yields every swap that changes something, with what a trivial probe sees of it."""
        whole = view_of(story)
        for a, b in self.pairs(story):
            for swapped in (self.initial(story, a, b), self.goal(story, a, b)):
                flags = (swapped.init, swapped.goal, swapped.goal_not)
                if flags != (story.init, story.goal, story.goal_not):
                    view = whole.copy()
                    view.set_flags(*flags)
                    yield swapped, view.key
            yield from self._plan_swaps(story, a, b, whole.copy())

    def _plan_swaps(self, story: Story, a: str, b: str, view: TrivialView) -> Iterator[tuple[Story, ViewKey]]:
        """Moves the first swapped step back from the end; the view changes by one step each time."""
        plan = list(story.plan)
        for start in range(len(plan) - 1, 0, -1):
            step = plan[start]
            if a not in step.args and b not in step.args:
                continue
            plan[start] = self.task.action(step.name, tuple(_other(arg, a, b) for arg in step.args))
            view.exchange(step, plan[start])
            yield replace(story, plan=tuple(plan), kind="plan", swapped=(a, b), start=start), view.key

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


def find_twins(
    story: Story, distances: range, rng: np.random.Generator, *, use_original: bool = True
) -> Twins | None:
    """Looks for a pair of stories that only reasoning over the whole plan can tell apart.

    All swaps are made; among those that fail at an allowed distance and look to a trivial probe exactly like one that
    works, the nearest match among `LOOKED_AT` random ones is taken.

    Args:
        story: A story that works.
        distances: Allowed numbers of steps from the failure back to its cause.
        rng: Source of the choice.
        use_original: Whether ``story`` itself should be the valid twin, rather than a swap that left the plan valid.

    Returns:
        The twins, or None where no swap of this plan will do.
    """
    working: defaultdict[ViewKey, list[Story]] = defaultdict(list, {view_of(story).key: [story]})
    failing: list[tuple[Story, ViewKey]] = []
    for swapped, key in Swapper(story.task).swaps(story):
        if swapped.works():
            working[key].append(swapped)
        else:
            failing.append((swapped, key))
    candidates = [(bad, working[key]) for bad, key in failing if key in working]
    best: Twins | None = None
    closest = 0
    looked_at = 0
    for index in rng.permutation(len(candidates)):
        bad, partners = candidates[index]
        execution = bad.run()
        if execution.distance not in distances or has_orphan(bad):
            continue
        choices = partners if use_original or len(partners) == 1 else [p for p in partners if p.kind != "none"]
        good = choices[0] if use_original else choices[int(rng.integers(len(choices)))]
        gap = distance(good, bad)
        if best is None or gap < closest:
            best, closest = Twins(good, bad, execution), gap
        looked_at += 1
        if looked_at == LOOKED_AT or not closest:
            break
    return best
