"""From the tree of a problem to its objects, facts and goal, and what is refused on the way."""

from __future__ import annotations

import pytest

from nsm.data.planning.pddl import parse_domain
from nsm.data.planning.problem_reader import ProblemReader
from nsm.data.planning.strips import Atom, Problem
from nsm.data.planning.syntax import parse_source
from nsm.errors import DataError
from tests.data.planning.depot import DOMAIN, PROBLEM


def read(text: str, domain: str = DOMAIN) -> Problem:
    return ProblemReader(parse_source(text, "problem", "one.pddl"), parse_domain(domain)).read()


def error_of_problem(*change: str) -> DataError:
    assert change[0] in PROBLEM
    with pytest.raises(DataError) as caught:
        read(PROBLEM.replace(*change))
    return caught.value


def test_problem() -> None:
    problem = read(PROBLEM)
    assert problem.objects == {"home": "truck", "t1": "truck", "t2": "truck", "b": "box"}
    assert problem.init == (Atom("at", ("t1", "b")), Atom("busy", ("home",)), Atom("ready", ()))
    assert (problem.goal, problem.goal_not) == ((Atom("busy", ("t1",)),), (Atom("busy", ("home",)),))


def test_a_single_atom_in_place_of_a_conjunction() -> None:
    domain = "(define (domain d) (:predicates (p)) (:action a :parameters () :effect (p)))"
    problem = read("(define (problem q) (:domain d) (:init) (:goal (p)))", domain)
    assert (problem.objects, problem.init, problem.goal) == ({}, (), (Atom("p", ()),))


def test_a_subtype_will_do() -> None:
    # ?m may be a machine or a box: a truck is a machine, and a crane too
    problem = read(PROBLEM.replace("b - box", "b - box k - crane").replace("(AT T1 b)", "(AT k b)"))
    assert problem.init[0] == Atom("at", ("k", "b"))


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("(busy home) (ready)", "(bsy home) (ready)", 5, "undeclared predicate 'bsy' in the initial state"),
        ("(AT T1 b)", "(AT T1)", 5, "predicate 'at' takes 2 arguments, came 1 in the initial state"),
        ("(AT T1 b)", "(AT T3 b)", 5, "undeclared object 't3' in the initial state"),
        ("(AT T1 b)", "(AT T1 t2)", 5, "expected an object of type 'box', came 't2' of type 'truck'"),
        ("(not (busy t2))", "(not (busy b))", 6, "expected an object of type 'machine', came 'b'"),
        ("(busy t1)", "(busy t1 t2)", 7, "predicate 'busy' takes 1 arguments, came 2 in the goal"),
        ("(busy t1)", "(busy ?x)", 7, "undeclared parameter '?x' in the goal"),
        ("(busy t1)", "(exists (?x) (busy ?x))", 7, "unsupported (exists ..) in the goal"),
        ("(busy t1)", "(= t1 t2)", 7, "unsupported (= ..) in the goal"),
        ("b - box", "b - bax", 4, "unknown type 'bax'"),
        ("b - box", "t1 - box", 4, "object 't1' is declared twice, of type 'truck' before"),
        ("b - box", "b\nt1 - truck", 5, "object 't1' is declared twice"),
        ("b - box", "home - truck", 4, "object 'home' is declared twice, of type 'truck' before"),
        ("b - box", "b\n- (either box crane)", 5, "unsupported (either ..) in :objects"),
        ("(:domain depot)", "", 1, "the problem has no (:domain ..)"),
        ("(:domain depot)", "(:domain\nferry)", 3, "expected a problem of the domain 'depot', came one of 'ferry'"),
        ("(:domain depot)", "(:domain depot)\nnearly", 4, "expected a section, came 'nearly'"),
        (
            "(:metric minimize (total-cost))",
            "(:constraints (ready))",
            8,
            "unsupported section ':constraints'",
        ),
    ],
)
def test_errors_of_a_problem(old: str, new: str, line: int, words: str) -> None:
    error = error_of_problem(old, new)
    assert (error.file, error.line) == ("one.pddl", line)
    assert words in error.message
