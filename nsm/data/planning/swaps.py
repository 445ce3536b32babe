"""Identity swaps: from a plan that works, a twin that fails for a reason that no count or local pattern shows.

Two objects of one kind change places in the initial state only, in the plan from some step on only, or in the goal
only. The executor says whether the result still works; if it does, it counts as valid. A twin is taken only where it
agrees with its partner exactly in what trivial probes see (numbers of nodes and of edges by relation, roles, degrees)
and in what neighbouring steps show, and as nearly as possible in the edges of each fact. Where a plan has no such swap,
two of its steps may change places instead: then the twins agree in all but the order of steps.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, pairwise
from operator import itemgetter

import numpy as np

from nsm.data.planning.execution import Execution, execute
from nsm.data.planning.grounding import GroundAction, GroundTask, fact_ids
from nsm.data.planning.strips import Atom
from nsm.data.planning.view import TrivialView, step_facts

USUAL = 2  # a bigram may be this much rarer than the one in whose place it comes
LOOKED_AT = 6  # matching swaps of one plan that are compared in detail


@dataclass(frozen=True)
class Story:
    """An initial state, a plan and a goal, all on one task's fact numbers.

    Attributes:
        init, goal, goal_not: Masks of facts.
        kind: Where objects were swapped, ``initial``, ``plan`` or ``goal``; or ``order`` (of two steps), or ``none``.
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
    """How many facts of one story have no counterpart with the same edges in the other."""
    a, b = Counter(_edges_of_facts(one).values()), Counter(_edges_of_facts(other).values())
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


@lru_cache(maxsize=100_000)
def bigram(first: GroundAction, second: GroundAction) -> tuple[object, ...]:
    """Two consecutive steps without their objects: operators, and which arguments are the same object."""
    place: dict[str, int] = {}
    equal = tuple(place.setdefault(arg, len(place)) for arg in (*first.args, *second.args))
    return (first.name, second.name, *equal)


def bigrams(plan: Sequence[GroundAction]) -> Iterator[tuple[object, ...]]:
    """The bigrams of a plan."""
    return (bigram(first, second) for first, second in pairwise(plan))


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
        usual: How often each bigram of steps occurs in working plans of the domain; with it, only swaps of the plan
            are made whose first swapped step follows its predecessor about as usually as before.
    """

    def __init__(self, task: GroundTask, usual: Counter[tuple[object, ...]] | None = None) -> None:
        self.task = task
        self.usual = usual
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
            if not self._is_usual(plan[start - 1], old, new):
                continue
            for before, after in pending:
                view.exchange(before, after)
            pending.clear()
            if view.key == whole.key:
                yield replace(story, plan=tuple(plan), kind="plan", swapped=(a, b), start=start)

    def exchanges(self, story: Story) -> Iterator[Story]:
        """Yields the plans in which two steps have changed places, where each then follows its predecessor as usual.

        Steps, facts and objects stay what they were, so a trivial probe sees no difference, nor does one that looks
        at the edges of each node.
        """
        steps = story.plan
        for first, second in combinations(range(len(steps)), 2):
            plan = list(steps)
            plan[first], plan[second] = steps[second], steps[first]
            seams = {place for at in (first, second) for place in (at, at + 1) if 0 < place < len(steps)}
            if plan[first] is not steps[first] and all(
                self._fits(steps[at - 1 : at + 1], plan[at - 1 : at + 1]) for at in seams
            ):
                yield replace(story, plan=tuple(plan), kind="order", start=first)

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

    def _is_usual(self, before: GroundAction, old: GroundAction, new: GroundAction) -> bool:
        return self._fits((before, old), (before, new))

    def _fits(self, old: Sequence[GroundAction], new: Sequence[GroundAction]) -> bool:
        """Whether a pair of consecutive steps is about as usual as the one in whose place it comes."""
        if self.usual is None:
            return True
        was, now = bigram(old[0], old[1]), bigram(new[0], new[1])
        return was == now or USUAL * self.usual[now] >= self.usual[was] > 0

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
    story: Story,
    distances: range,
    rng: np.random.Generator,
    *,
    use_original: bool = True,
    usual: Counter[tuple[object, ...]] | None = None,
    by_order: bool = False,
) -> Twins | None:
    """Looks for a pair of stories that only reasoning over the whole plan can tell apart.

    All swaps are made; among those that fail at an allowed distance and look to a trivial probe exactly like one that
    works, the nearest match among `LOOKED_AT` random ones is taken.

    Args:
        story: A story that works.
        distances: Allowed numbers of steps from the failure back to its cause.
        rng: Source of the choice.
        use_original: Whether ``story`` itself should be the valid twin, rather than a swap that left the plan valid.
        usual: How often each bigram of steps occurs in working plans; with it, a changed step must follow its
            predecessor as usual, see `Swapper`.
        by_order: Whether two steps change places rather than two objects.

    Returns:
        The twins, or None where no swap of this plan will do.
    """
    working, failing = [story], []
    swapper = Swapper(story.task, usual)
    for swapped in swapper.exchanges(story) if by_order else swapper.lookalikes(story):
        execution = swapped.run()
        if execution.valid:
            working.append(swapped)
        elif execution.distance in distances:
            failing.append((swapped, execution))
    found: list[tuple[int, Twins]] = []
    for index in rng.permutation(len(failing)):
        bad, execution = failing[index]
        choices = working if use_original or len(working) == 1 else working[1:]
        good = choices[int(rng.integers(len(choices)))]
        if not has_orphan(bad) and _look_alike(good, bad):
            found.append((difference(good, bad), Twins(good, bad, execution)))
            if len(found) == LOOKED_AT:
                break
    return min(found, key=itemgetter(0))[1] if found else None


def _look_alike(one: Story, other: Story) -> bool:
    return ends(one) == ends(other) and largest_degrees(one) == largest_degrees(other)
