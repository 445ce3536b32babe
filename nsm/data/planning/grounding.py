"""Turns a lifted problem into facts with numbers and actions with bit masks.

A state is a Python integer whose bit ``i`` says whether fact ``i`` holds. Facts get their numbers when they
are first asked for, so an action can be grounded alone and a state may hold facts that the problem never
mentions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import eq, ne

from nsm.data.planning.reachability import Schema, reachable_actions, schema_of
from nsm.data.planning.strips import Atom, Domain, Operator, Problem, Step
from nsm.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class GroundAction:
    """An action on numbered facts; one object per action and task, so comparison is by identity.

    Attributes:
        pos, neg: Masks of the facts that must and must not hold before.
        add, delete: Masks of the facts that hold and do not hold after; a fact both deleted and added is
            added only.
        keep: The complement of ``delete``; the next state is ``state & keep | add``.
        needs, needs_not, adds, deletes: The same facts as ids, in the operator's order.
    """

    name: str
    args: tuple[str, ...]
    pos: int
    neg: int
    add: int
    delete: int
    keep: int
    needs: tuple[int, ...]
    needs_not: tuple[int, ...]
    adds: tuple[int, ...]
    deletes: tuple[int, ...]

    @property
    def step(self) -> Step:
        """The action as a step of a plan."""
        return Step(self.name, self.args)

    def __str__(self) -> str:
        return str(self.step)


def fact_ids(mask: int) -> tuple[int, ...]:
    """The ids of the facts in a mask, ascending.

    Example:
        >>> fact_ids(0b1010)
        (1, 3)
    """
    ids = []
    while mask:
        low = mask & -mask
        ids.append(low.bit_length() - 1)
        mask ^= low
    return tuple(ids)


def fact_mask(ids: Iterable[int]) -> int:
    """The mask of some fact ids.

    Example:
        >>> fact_mask((1, 3))
        10
    """
    mask = 0
    for fact in ids:
        mask |= 1 << fact
    return mask


class GroundTask:
    """A problem with numbered facts.

    Args:
        domain: The domain.
        problem: A problem of it.

    Attributes:
        facts: The facts by id. Grows when new ones are asked for.
        init: The mask of the initial state.
        goal, goal_not: The masks of what must and must not hold at the end.
    """

    def __init__(self, domain: Domain, problem: Problem) -> None:
        self.domain = domain
        self.problem = problem
        self.facts: list[Atom] = []
        self._ids: dict[tuple[str, tuple[str, ...]], int] = {}
        self._actions: dict[tuple[str, tuple[str, ...]], GroundAction] = {}
        fluents = domain.fluents
        self.init = self.mask(sorted(problem.init, key=lambda fact: fact.predicate not in fluents))
        self.goal = self.mask(problem.goal)
        self.goal_not = self.mask(problem.goal_not)

    def fact_id(self, fact: Atom) -> int:
        """The fact's id; a new one if the fact was never asked for."""
        number = self._ids.get(fact)
        if number is None:
            number = self._ids[fact] = len(self.facts)
            self.facts.append(fact)
        return number

    def mask(self, facts: Iterable[Atom]) -> int:
        """The mask of some facts."""
        return fact_mask(map(self.fact_id, facts))

    def atoms(self, mask: int) -> tuple[Atom, ...]:
        """The facts of a mask, by ascending id."""
        return tuple(self.facts[number] for number in fact_ids(mask))

    def is_fluent(self, number: int) -> bool:
        """Whether some operator can change facts of this predicate."""
        return self.facts[number].predicate in self.domain.fluents

    def action(self, name: str, args: Sequence[str]) -> GroundAction:
        """Grounds one action, applicable or not, and remembers it.

        A pair of arguments that breaks an equality or inequality becomes a needed fact that never holds:
        ``(= a b)`` with two objects, or ``(distinct a a)`` with one.

        Raises:
            DataError: If the operator or an object is unknown, or their number or types are wrong.
        """
        action = self._actions.get((name, tuple(args)))
        if action is None:
            action = self._grounded(schema_of(self._checked(name, tuple(args))), tuple(args))
        return action

    def plan(self, steps: Iterable[tuple[str, Sequence[str]]]) -> list[GroundAction]:
        """Grounds the steps of a plan; raises like `action`."""
        return [self.action(name, args) for name, args in steps]

    @cached_property
    def actions(self) -> tuple[GroundAction, ...]:
        """Every action that may become applicable (reachable when deletes and negations are ignored)."""
        found = reachable_actions(self.domain, self.problem)
        return tuple(self._grounded(schema, args) for schema, args in found)

    def applicable(self, state: int) -> list[GroundAction]:
        """Those of `actions` that can be applied in a state, in an order fixed by the facts' ids.

        Static conditions are those of the problem's own initial state; a state with other static facts may
        allow more.
        """
        always, watched, watched_mask = self._watches
        found = [action for action in always if not state & action.neg]
        watching = state & watched_mask
        while watching:
            low = watching & -watching
            found += [action for action in watched[low] if state & action.pos == action.pos and not state & action.neg]
            watching ^= low
        return found

    @cached_property
    def ties(self) -> dict[str, set[str]]:
        """For each object those in a static fact of two or more with it, if it is in one such fact at that place."""
        mentioned: defaultdict[tuple[str, int, str], list[Atom]] = defaultdict(list)
        for fact in self.problem.init:
            if fact.predicate not in self.domain.fluents:
                for position, arg in enumerate(fact.args):
                    mentioned[fact.predicate, position, arg].append(fact)
        ties: defaultdict[str, set[str]] = defaultdict(set)
        for (_, _, arg), facts in mentioned.items():
            if len(facts) == 1:
                ties[arg] |= {*facts[0].args} - {arg}
        return dict(ties)

    @cached_property
    def _watches(self) -> tuple[list[GroundAction], dict[int, list[GroundAction]], int]:
        """Each action under the one needed fluent that the fewest actions need, so that few are looked at."""
        actions = self.actions  # grounding them numbers new facts
        is_fluent = [fact.predicate in self.domain.fluents for fact in self.facts]
        demand = Counter(number for action in actions for number in action.needs)
        always: list[GroundAction] = []
        watched: dict[int, list[GroundAction]] = {}
        for action in actions:
            needed = [number for number in action.needs if is_fluent[number]]
            if needed:
                rarest = min(needed, key=demand.__getitem__)
                watched.setdefault(1 << rarest, []).append(action)
            else:
                always.append(action)
        return always, watched, sum(watched)

    def _checked(self, name: str, args: tuple[str, ...]) -> Operator:
        operator = self.domain.operators.get(name)
        if operator is None:
            raise DataError(f"unknown action {name!r}", hint=f"actions: {', '.join(self.domain.operators)}")
        if len(args) != operator.arity:
            raise DataError(f"action {name!r} takes {operator.arity} arguments, came {len(args)}")
        for parameter, arg in zip(operator.parameters, args, strict=True):
            kind = self.problem.objects.get(arg)
            if kind is None:
                raise DataError(f"unknown object {arg!r} in {Step(name, args)}")
            if not self.domain.is_subtype(kind, parameter.type):
                message = f"expected an object of type {parameter.type!r} as {parameter.name} of action {name!r}"
                raise DataError(f"{message}, came {arg!r} of type {kind!r}")
        return operator

    def _grounded(self, schema: Schema, args: tuple[str, ...]) -> GroundAction:
        key = (schema.operator.name, args)
        action = self._actions.get(key)
        if action is None:
            action = self._actions[key] = self._ground(schema, args)
        return action

    def _ground(self, schema: Schema, args: tuple[str, ...]) -> GroundAction:
        values = args + schema.constants
        ids = self._ids

        def numbered(atoms: Iterable[tuple[str, tuple[int, ...]]]) -> tuple[int, ...]:
            found = []
            for predicate, slots in atoms:
                fact = (predicate, tuple([values[slot] for slot in slots]))
                number = ids.get(fact)
                found.append(self.fact_id(Atom(*fact)) if number is None else number)
            return tuple(found)

        needs, needs_not = numbered(schema.positive), numbered(schema.negative)
        for sign, pairs, is_broken in (("=", schema.equal, ne), ("distinct", schema.different, eq)):
            broken = [(values[a], values[b]) for a, b in pairs if is_broken(values[a], values[b])]
            needs += tuple(self.fact_id(Atom(sign, pair)) for pair in broken)
        adds, deletes = numbered(schema.add), numbered(schema.delete)
        add = fact_mask(adds)
        deletes = tuple([number for number in deletes if not add >> number & 1])
        delete = fact_mask(deletes)
        masks = (fact_mask(needs), fact_mask(needs_not), add, delete, ~delete)
        return GroundAction(schema.operator.name, args, *masks, needs, needs_not, adds, deletes)
