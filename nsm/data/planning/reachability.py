"""Which actions can ever be applied when deletes and negated fluents are ignored: a semi-naive join of facts.

Each reached fact is matched once against every precondition that it fits, and the other preconditions are
joined from the facts reached so far. The work grows with the reachable actions, not with all combinations of
objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from nsm.data.planning.strips import Atom, Domain, Operator, Problem

Args = tuple[str, ...]
Slots = tuple[int, ...]  # places in an instance's values: its arguments, then the operator's constants
Key = tuple[str, tuple[int, ...]]  # a predicate, and the argument positions by which its facts are looked up


@dataclass(frozen=True)
class Schema:
    """An operator whose terms are slots, so that an instance is read off its values without any names."""

    operator: Operator
    constants: Args
    positive: tuple[tuple[str, Slots], ...]
    negative: tuple[tuple[str, Slots], ...]
    equal: tuple[Slots, ...]
    different: tuple[Slots, ...]
    add: tuple[tuple[str, Slots], ...]
    delete: tuple[tuple[str, Slots], ...]


@dataclass(frozen=True)
class Lookup:
    """One step of a join: finds facts that agree with the slots filled so far, and fills further ones.

    Attributes:
        key: The index to look in.
        slots: The slots whose values are looked up.
        bind: Position, slot and wanted type of the arguments that fill a slot.
        same: Position and slot of the arguments that must equal a slot which the same fact has filled.
    """

    key: Key
    slots: Slots
    bind: tuple[tuple[int, int, str], ...]
    same: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Join:
    """How to find an operator's instances from a fact that matches its first look-up.

    Attributes:
        trigger: The predicate of the fact to begin with; None for an operator without fluent preconditions.
        lookups: The preconditions in the order in which they are joined, the trigger's first.
        rest: The slots and types of the parameters that no positive precondition fills.
    """

    schema: Schema
    trigger: str | None
    lookups: tuple[Lookup, ...]
    rest: tuple[tuple[int, str], ...]


def reachable_actions(domain: Domain, problem: Problem) -> list[tuple[Schema, Args]]:
    """All (schema, arguments) reachable from the initial state, each once, in a fixed order."""
    return _Search(domain, problem).run()


@lru_cache(maxsize=1024)
def schema_of(operator: Operator) -> Schema:
    """Numbers the terms of an operator."""
    atoms = (*operator.positive, *operator.negative, *operator.add, *operator.delete)
    terms = [term for atom in atoms for term in atom.args]
    terms += [term for pair in (*operator.equal, *operator.different) for term in pair]
    constants = tuple(dict.fromkeys(term for term in terms if not term.startswith("?")))
    names = (*(parameter.name for parameter in operator.parameters), *constants)
    slots = {term: slot for slot, term in enumerate(names)}

    def slotted(atoms: Iterable[Atom]) -> tuple[tuple[str, Slots], ...]:
        return tuple((atom.predicate, tuple(slots[term] for term in atom.args)) for atom in atoms)

    return Schema(
        operator,
        constants,
        slotted(operator.positive),
        slotted(operator.negative),
        tuple((slots[first], slots[second]) for first, second in operator.equal),
        tuple((slots[first], slots[second]) for first, second in operator.different),
        slotted(operator.add),
        slotted(operator.delete),
    )


@lru_cache(maxsize=1024)
def _joins(operator: Operator, fluents: frozenset[str]) -> tuple[Join, ...]:
    schema = schema_of(operator)
    triggers = [atom for atom in schema.positive if atom[0] in fluents]
    return tuple(_join(schema, trigger) for trigger in triggers) or (_join(schema, None),)


def _join(schema: Schema, trigger: tuple[str, Slots] | None) -> Join:
    """Orders the preconditions greedily: next comes the one with the fewest unfilled slots."""
    parameters = schema.operator.parameters
    filled = set(range(len(parameters), len(parameters) + len(schema.constants)))
    lookups: list[Lookup] = []

    def look_up(predicate: str, slots: Slots) -> None:
        known = tuple(position for position, slot in enumerate(slots) if slot in filled)
        bind, same = [], []
        for position, slot in enumerate(slots):
            if slot not in filled:
                bind.append((position, slot, parameters[slot].type))
                filled.add(slot)
            elif position not in known:
                same.append((position, slot))
        wanted = tuple(slots[position] for position in known)
        lookups.append(Lookup((predicate, known), wanted, tuple(bind), tuple(same)))

    def cost(atom: tuple[str, Slots]) -> tuple[int, int]:
        known = sum(slot in filled for slot in atom[1])
        return len(atom[1]) - known, -known

    waiting = [atom for atom in schema.positive if atom != trigger]
    if trigger is not None:
        look_up(*trigger)
    while waiting:
        atom = min(waiting, key=cost)
        waiting.remove(atom)
        look_up(*atom)
    rest = tuple((slot, parameter.type) for slot, parameter in enumerate(parameters) if slot not in filled)
    return Join(schema, None if trigger is None else trigger[0], tuple(lookups), rest)


class _Search:
    """The fixed point for one problem."""

    def __init__(self, domain: Domain, problem: Problem) -> None:
        self.fluents = domain.fluents
        self.init = frozenset(problem.init)
        self.members = _members(domain, problem)
        self.queue: list[tuple[str, Args]] = []
        self.reached: set[tuple[str, Args]] = set()
        self.found: dict[tuple[str, Args], Schema] = {}
        self.indexes: dict[Key, dict[Args, list[Args]]] = {}
        self.keys: dict[str, list[Key]] = {}
        self.triggered: dict[str, list[Join]] = {}
        self.at_once: list[Join] = []
        for operator in domain.operators.values():
            for join in _joins(operator, domain.fluents):
                self._register(join)
        for fact in problem.init:
            if fact.predicate in self.fluents:
                self._reach(fact)
            else:
                self._insert(*fact)

    def run(self) -> list[tuple[Schema, Args]]:
        for join in self.at_once:
            self._extend(join, 0, [""] * join.schema.operator.arity + list(join.schema.constants))
        for predicate, args in self.queue:  # it grows meanwhile
            self._insert(predicate, args)
            for join in self.triggered.get(predicate, ()):
                values = [""] * join.schema.operator.arity + list(join.schema.constants)
                first = join.lookups[0]
                constants = [values[slot] for slot in first.slots]
                is_match = constants == [args[position] for position in first.key[1]]
                if is_match and self._fits(first, args, values):
                    self._extend(join, 1, values)
        return [(schema, args) for (_, args), schema in self.found.items()]

    def _register(self, join: Join) -> None:
        if join.trigger is None:
            self.at_once.append(join)
        else:
            self.triggered.setdefault(join.trigger, []).append(join)
        for lookup in join.lookups[join.trigger is not None :]:
            if lookup.key not in self.indexes:
                self.indexes[lookup.key] = {}
                self.keys.setdefault(lookup.key[0], []).append(lookup.key)

    def _reach(self, fact: tuple[str, Args]) -> None:
        if fact not in self.reached:
            self.reached.add(fact)
            self.queue.append(fact)

    def _insert(self, predicate: str, args: Args) -> None:
        for key in self.keys.get(predicate, ()):
            self.indexes[key].setdefault(tuple([args[position] for position in key[1]]), []).append(args)

    def _fits(self, lookup: Lookup, args: Args, values: list[str]) -> bool:
        for position, slot, kind in lookup.bind:
            if args[position] not in self.members[kind]:
                return False
            values[slot] = args[position]
        return not lookup.same or all(args[position] == values[slot] for position, slot in lookup.same)

    def _extend(self, join: Join, depth: int, values: list[str]) -> None:
        if depth == len(join.lookups):
            self._complete(join, values)
            return
        lookup = join.lookups[depth]
        for args in self.indexes[lookup.key].get(tuple([values[slot] for slot in lookup.slots]), ()):
            if self._fits(lookup, args, values):
                self._extend(join, depth + 1, values)

    def _complete(self, join: Join, values: list[str]) -> None:
        schema = join.schema
        arity = len(schema.operator.parameters)
        for choice in product(*[self.members[kind] for _, kind in join.rest]):
            for (slot, _), value in zip(join.rest, choice, strict=True):
                values[slot] = value
            key = (schema.operator.name, tuple(values[:arity]))
            if key not in self.found and self._is_possible(schema, values):
                self.found[key] = schema
                for predicate, slots in schema.add:
                    self._reach((predicate, tuple([values[slot] for slot in slots])))

    def _is_possible(self, schema: Schema, values: list[str]) -> bool:
        """Checks what the join does not: equalities, inequalities and negated static facts."""
        for first, second in schema.equal:
            if values[first] != values[second]:
                return False
        for first, second in schema.different:
            if values[first] == values[second]:
                return False
        for predicate, slots in schema.negative:
            fact = (predicate, tuple([values[slot] for slot in slots]))
            if predicate not in self.fluents and fact in self.init:
                return False
        return True


def _members(domain: Domain, problem: Problem) -> dict[str, dict[str, None]]:
    """The objects of each type that a parameter has, in the problem's order (a dict, as an ordered set)."""
    kinds = {parameter.type for operator in domain.operators.values() for parameter in operator.parameters}
    objects = problem.objects.items()
    return {kind: {name: None for name, of in objects if domain.is_subtype(of, kind)} for kind in kinds}
