"""What a STRIPS planning problem is made of: types, predicates, operators, objects, facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

ROOT_TYPE = "object"


class Atom(NamedTuple):
    """A predicate with its arguments: a fact if all are objects, lifted if some are parameters (``?x``)."""

    predicate: str
    args: tuple[str, ...]

    def __str__(self) -> str:
        return f"({' '.join((self.predicate, *self.args))})"


class Step(NamedTuple):
    """One step of a plan: an operator's name with the objects for its parameters."""

    operator: str
    args: tuple[str, ...]

    def __str__(self) -> str:
        return f"({' '.join((self.operator, *self.args))})"


@dataclass(frozen=True)
class Parameter:
    """A typed parameter of an operator; its name keeps the question mark."""

    name: str
    type: str


@dataclass(frozen=True)
class Predicate:
    """A predicate's signature. A type ``(either a b)`` is written ``a|b``."""

    name: str
    types: tuple[str, ...]

    @property
    def arity(self) -> int:
        """The number of arguments."""
        return len(self.types)


@dataclass(frozen=True)
class Operator:
    """An action schema: what must and must not hold before, and what it deletes and then adds.

    Attributes:
        equal: Pairs of terms that must be the same object.
        different: Pairs of terms that must be two objects.
    """

    name: str
    parameters: tuple[Parameter, ...]
    positive: tuple[Atom, ...] = ()
    negative: tuple[Atom, ...] = ()
    equal: tuple[tuple[str, str], ...] = ()
    different: tuple[tuple[str, str], ...] = ()
    add: tuple[Atom, ...] = ()
    delete: tuple[Atom, ...] = ()

    @property
    def arity(self) -> int:
        """The number of parameters."""
        return len(self.parameters)


@dataclass(frozen=True)
class Domain:
    """A planning domain.

    Attributes:
        types: Each type's parent; the root ``object`` has none.
        constants: Each constant's type.
    """

    name: str
    types: dict[str, str | None]
    constants: dict[str, str]
    predicates: dict[str, Predicate]
    operators: dict[str, Operator]
    file: str = field(default="", compare=False)

    @cached_property
    def fluents(self) -> frozenset[str]:
        """The predicates that some operator adds or deletes; all others are static."""
        return frozenset(atom.predicate for op in self.operators.values() for atom in (*op.add, *op.delete))

    def ancestors(self, kind: str) -> Iterator[str]:
        """Yields a type, its parent, and so on up to the root."""
        current: str | None = kind
        while current is not None:
            yield current
            current = self.types[current]

    def is_subtype(self, kind: str, of: str) -> bool:
        """Whether every object of type ``kind`` is of type ``of`` (which may be ``a|b``)."""
        wanted = of.split("|")
        return any(ancestor in wanted for ancestor in self.ancestors(kind))

    def may_meet(self, kind: str, other: str) -> bool:
        """Whether an object can be of both types (each may be ``a|b``)."""
        return any(self.is_subtype(word, other) for word in kind.split("|")) or any(
            self.is_subtype(word, kind) for word in other.split("|")
        )


@dataclass(frozen=True)
class Problem:
    """A problem of a domain.

    Attributes:
        objects: Each object's type, the domain's constants included.
        init: The facts that hold at first, in the order of the file, each once.
        goal: The facts that must hold at the end.
        goal_not: The facts that must not hold at the end.
    """

    name: str
    domain: str
    objects: dict[str, str]
    init: tuple[Atom, ...]
    goal: tuple[Atom, ...]
    goal_not: tuple[Atom, ...] = ()
    file: str = field(default="", compare=False)
