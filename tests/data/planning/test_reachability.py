"""Reachable actions: as many as trying everything finds, on random little domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from random import Random

import pytest

from nsm.data.planning.pddl import parse_domain, parse_problem
from nsm.data.planning.reachability import reachable_actions, schema_of
from nsm.data.planning.strips import Atom, Domain, Operator, Parameter, Predicate, Problem, Step

TYPES: dict[str, str | None] = {"object": None, "big": "object", "small": "object", "tiny": "small"}
PREDICATES = {
    "wall": Predicate("wall", ("object",)),  # nothing adds or deletes it
    "road": Predicate("road", ("object", "object")),  # nor this
    "lit": Predicate("lit", ()),
    "on": Predicate("on", ("object",)),
    "near": Predicate("near", ("object", "object")),
}
FLUENTS = ("lit", "on", "near")
OBJECTS = {"k": "small", "a": "big", "b": "small", "c": "tiny"}  # k is a constant of the domain


def some_atoms(random: Random, names: Sequence[str], terms: Sequence[str], most: int) -> tuple[Atom, ...]:
    chosen = (PREDICATES[random.choice(names)] for _ in range(random.randint(0, most)))
    return tuple({Atom(one.name, tuple(random.choices(terms, k=one.arity))): None for one in chosen})


def some_operator(random: Random, name: str) -> Operator:
    kinds = random.choices([*TYPES, "big|tiny"], k=random.randint(0, 2))
    parameters = tuple(Parameter(f"?{number}", kind) for number, kind in enumerate(kinds))
    terms = (*(parameter.name for parameter in parameters), "k")
    pairs = [(random.choice(terms), random.choice(terms)) for _ in range(2)]
    return Operator(
        name,
        parameters,
        positive=some_atoms(random, tuple(PREDICATES), terms, 3),
        negative=some_atoms(random, tuple(PREDICATES), terms, 1),
        equal=tuple(pairs[: random.random() < 0.2]),
        different=tuple(pairs[1 : 1 + (random.random() < 0.3)]),
        add=some_atoms(random, FLUENTS, terms, 2),
        delete=some_atoms(random, FLUENTS, terms, 1),
    )


def some_problem(seed: int) -> tuple[Domain, Problem]:
    random = Random(seed)
    operators = {name: some_operator(random, name) for name in ("go", "turn", "wait")}
    domain = Domain("d", TYPES, {"k": "small"}, PREDICATES, operators)
    return domain, Problem("p", "d", OBJECTS, some_atoms(random, tuple(PREDICATES), tuple(OBJECTS), 12), ())


def bound(atom: Atom, values: Mapping[str, str]) -> Atom:
    return Atom(atom.predicate, tuple(values.get(term, term) for term in atom.args))


def by_trying(domain: Domain, problem: Problem) -> set[Step]:
    """All combinations of objects, again and again, until no new one can be taken."""
    static = {name for name in PREDICATES if name not in domain.fluents}
    facts, found = set(problem.init), set[Step]()
    while True:
        before = len(found)
        for operator in domain.operators.values():
            for args in product(OBJECTS, repeat=operator.arity):
                values = {p.name: arg for p, arg in zip(operator.parameters, args, strict=True)}
                term = {**values, "k": "k"}
                if (
                    all(domain.is_subtype(OBJECTS[values[p.name]], p.type) for p in operator.parameters)
                    and all(bound(atom, values) in facts for atom in operator.positive)
                    and not any(
                        atom.predicate in static and bound(atom, values) in problem.init for atom in operator.negative
                    )
                    and all(term[one] == term[other] for one, other in operator.equal)
                    and all(term[one] != term[other] for one, other in operator.different)
                ):
                    found.add(Step(operator.name, args))
                    facts |= {bound(atom, values) for atom in operator.add}
        if len(found) == before:
            return found


@pytest.mark.parametrize("first", range(0, 1000, 250))
def test_what_is_reachable_is_what_trying_everything_finds(first: int) -> None:
    for seed in range(first, first + 250):
        domain, problem = some_problem(seed)
        actions = reachable_actions(domain, problem)
        steps = [Step(schema.operator.name, args) for schema, args in actions]
        assert len(steps) == len(set(steps)), seed
        assert set(steps) == by_trying(domain, problem), seed
        assert actions == reachable_actions(domain, problem), seed  # in a fixed order


def test_terms_are_numbered_parameters_first() -> None:
    operator = Operator(
        "move",
        (Parameter("?a", "object"), Parameter("?b", "object")),
        positive=(Atom("near", ("?b", "k")), Atom("near", ("?a", "?a"))),
        negative=(Atom("lit", ()),),
        equal=(("?b", "?a"),),
        different=(("?a", "j"),),
        add=(Atom("on", ("k",)),),
    )
    schema = schema_of(operator)
    assert schema.constants == ("k", "j")
    assert schema.positive == (("near", (1, 2)), ("near", (0, 0)))
    assert schema.negative == (("lit", ()),)
    assert (schema.equal, schema.different) == (((1, 0),), ((0, 3),))
    assert (schema.add, schema.delete) == ((("on", (2,)),), ())
    assert schema_of(operator) is schema


def test_the_work_grows_with_what_is_reachable() -> None:
    """A chain of 60 rooms has 59 steps; 60**4 combinations would take minutes."""
    domain = parse_domain("""(define (domain line) (:predicates (in ?a) (door ?a ?b))
      (:action jump :parameters (?a ?b ?c ?d)
       :precondition (and (in ?a) (door ?a ?b) (door ?b ?c) (door ?c ?d)) :effect (in ?b)))""")
    rooms = [f"r{number}" for number in range(62)]
    doors = " ".join(f"(door {a} {b})" for a, b in pairwise(rooms))
    text = f"""(define (problem p) (:domain line)
        (:objects {" ".join(rooms)}) (:init (in r0) {doors}) (:goal (in r1)))"""
    actions = reachable_actions(domain, parse_problem(text, domain))
    assert [args[0] for _, args in actions] == rooms[:-3]
