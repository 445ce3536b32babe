"""From the tree of a domain to its types, predicates and operators, and what is refused on the way."""

from __future__ import annotations

import pytest

from nsm.data.planning.domain_reader import DomainReader
from nsm.data.planning.strips import Atom, Domain, Parameter, Predicate
from nsm.data.planning.syntax import parse_source
from nsm.errors import DataError
from tests.data.planning.depot import DOMAIN


def read(text: str) -> Domain:
    return DomainReader(parse_source(text, "domain", "domain.pddl")).read()


def error_of_domain(*change: str) -> DataError:
    assert change[0] in DOMAIN
    with pytest.raises(DataError) as caught:
        read(DOMAIN.replace(*change))
    return caught.value


def test_domain() -> None:
    domain = read(DOMAIN)
    assert domain.name == "depot"
    assert domain.types == {
        "object": None,
        "truck": "machine",
        "crane": "machine",
        "machine": "object",
        "box": "object",
    }
    assert domain.constants == {"home": "truck"}
    assert domain.predicates["at"] == Predicate("at", ("machine|box", "box"))
    assert domain.predicates["ready"].arity == 0
    swap = domain.operators["swap"]
    assert swap.parameters == (Parameter("?a", "truck"), Parameter("?b", "truck"), Parameter("?c", "object"))
    assert swap.positive == (Atom("at", ("?a", "?c")), Atom("ready", ()))
    assert swap.negative == (Atom("busy", ("?b",)),)
    assert (swap.equal, swap.different) == ((("?c", "home"),), (("?a", "?b"),))
    assert (swap.add, swap.delete) == ((Atom("busy", ("?a",)),), (Atom("busy", ("?b",)),))
    assert domain.operators["rest"].delete == (Atom("busy", ("home",)),)
    assert domain.fluents == {"busy", "ready"}


def test_no_precondition_is_always_met() -> None:
    domain = read("(define (domain d) (:predicates (p)) (:action a :parameters () :effect (p)))")
    assert domain.operators["a"].positive == domain.operators["a"].negative == ()
    assert domain.operators["a"].add == (Atom("p", ()),)


def test_predicate_may_repeat_a_parameter() -> None:
    text = DOMAIN.replace("(busy ?m - machine)", "(busy ?m - machine) (in ?x ?x)")
    assert read(text).predicates["in"].arity == 2


def test_undeclared_parent_is_an_object() -> None:
    assert read(DOMAIN.replace("machine machine box", "machine box")).types["machine"] == "object"


@pytest.mark.parametrize(
    ("old", "new", "line", "words", "hint"),
    [
        ("(busy ?a) (not", "(bussy ?a) (not", 13, "undeclared predicate 'bussy' in action 'swap'", "'busy'"),
        ("(at ?a ?c)", "(at ?a)", 12, "predicate 'at' takes 2 arguments, came 1", "(at machine|box box)"),
        ("(at ?a ?c)", "(at ?a ?d)", 12, "undeclared parameter '?d'", "?a, ?b, ?c"),
        (
            "(at ?a ?c)",
            "(at ?a ?b)",
            12,
            "(at ?a ?b) in action 'swap': expected an object of type 'box', came '?b'",
            None,
        ),
        (
            "(busy ?a) (not",
            "(at ?a home) (not",
            13,
            "expected an object of type 'box', came 'home' of type 'truck'",
            None,
        ),
        ("(= ?c home)", "(= ?c hom)", 12, "undeclared object 'hom'", None),
        ("?b - truck ?c", "?b - lorry ?c", 11, "unknown type 'lorry'", "truck"),
        ("home - truck", "home - lorry", 5, "unknown type 'lorry'", "truck"),
        ("home - truck", "home - truck home - box", 5, "object 'home' is declared twice, of type 'truck'", "once"),
        ("?m - machine)\n", "?m - lorry)\n", 8, "unknown type 'lorry'", "truck"),
        ("?b - truck ?c", "?b - truck ?a", 11, "parameter '?a' comes twice", None),
        ("(:action rest", "(:action swap", 14, "a second action 'swap'", None),
        ("(ready))\n", "(ready) (ready))\n", 9, "a second predicate 'ready'", None),
        ("machine box - object", "machine box - truck", 4, "its own ancestor", None),
        ("crane - machine", "crane - machine truck - box", 4, "two parents", None),
        ("(and (ready))", "(or (ready))", 12, "unsupported (or ..) in action 'swap'", "conjunction"),
        ("(and (ready))", "(not (and (ready)))", 12, "unsupported (not (and ..))", "conjunction"),
        ("(and (ready))", "(forall (?z) (ready))", 12, "unsupported (forall ..)", "conjunction"),
        ("(and (ready))", "(> (total-cost) 3)", 12, "unsupported (> ..)", "conjunction"),
        ("(not (busy ?b)) (inc", "(when (ready) (busy ?b)) (inc", 13, "unsupported (when ..)", "added"),
        ("(increase (total-cost) 3)", "(increase (fuel) 3)", 13, "unsupported (increase ..)", "added"),
        ("(increase (total-cost) 3)", "(= ?a ?b)", 13, "unsupported (= ..)", "added"),
    ],
)
def test_errors_of_a_domain(old: str, new: str, line: int, words: str, hint: str | None) -> None:
    error = error_of_domain(old, new)
    assert (error.file, error.line) == ("domain.pddl", line)
    assert words in error.message
    assert hint is None or (error.hint is not None and hint in error.hint)


def test_domain_without_actions() -> None:
    with pytest.raises(DataError, match="no actions"):
        read("(define (domain d) (:predicates (p)))")
