"""A second opinion on plans: interprets the lifted operators on sets of atoms, without grounding anything.

It shares no code with the grounder and the executor, so that an audit which finds both in agreement means
something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nsm.data.planning.strips import Atom, Domain


@dataclass(frozen=True)
class Verdict:
    """Whether a plan works; true or false where a claim is wanted.

    Attributes:
        failed_step: The first step that cannot be taken, counted from 0; the plan's length if only the goal
            fails; None for a valid plan.
    """

    valid: bool
    failed_step: int | None = None

    def __bool__(self) -> bool:
        return self.valid


def check_plan(
    domain: Domain,
    objects: Mapping[str, str],
    init: Iterable[Atom],
    goal: Iterable[Atom],
    steps: Sequence[tuple[str, Sequence[str]]],
    goal_not: Iterable[Atom] = (),
) -> Verdict:
    """Follows ``steps`` from ``init``, atom by atom.

    Args:
        domain: The operators and types.
        objects: Each object's type.
        init: What holds at first.
        goal: What must hold at the end.
        steps: Pairs of an operator's name and its arguments. An unknown operator or object, a wrong number of
            arguments or a wrong type is a step that cannot be taken.
        goal_not: What must not hold at the end.
    """
    state: set[tuple[str, tuple[str, ...]]] = set(init)
    for index, (name, args) in enumerate(steps):
        if not _advance(domain, objects, state, name, tuple(args)):
            return Verdict(False, index)
    if all(atom in state for atom in goal) and not any(atom in state for atom in goal_not):
        return Verdict(True)
    return Verdict(False, len(steps))


def _advance(
    domain: Domain,
    objects: Mapping[str, str],
    state: set[tuple[str, tuple[str, ...]]],
    name: str,
    args: tuple[str, ...],
) -> bool:
    """Takes one step in place; false, and no change, if it cannot be taken."""
    schema = domain.operators.get(name)
    if schema is None or len(args) != len(schema.parameters):
        return False
    value: dict[str, str] = {}
    for parameter, arg in zip(schema.parameters, args, strict=True):
        if not _belongs(domain, objects.get(arg), parameter.type):
            return False
        value[parameter.name] = arg

    def instances(atoms: Sequence[Atom]) -> list[tuple[str, tuple[str, ...]]]:
        return [(predicate, tuple([value.get(term, term) for term in terms])) for predicate, terms in atoms]

    for left, right in schema.equal:
        if value.get(left, left) != value.get(right, right):
            return False
    for left, right in schema.different:
        if value.get(left, left) == value.get(right, right):
            return False
    if not state.issuperset(instances(schema.positive)) or not state.isdisjoint(instances(schema.negative)):
        return False
    state.difference_update(instances(schema.delete))
    state.update(instances(schema.add))
    return True


def _belongs(domain: Domain, kind: str | None, wanted: str) -> bool:
    """Whether an object of type ``kind`` (None: no such object) is of a wanted type, or of one of several."""
    alternatives = wanted.split("|")
    while kind is not None:
        if kind in alternatives:
            return True
        kind = domain.types.get(kind)
    return False
