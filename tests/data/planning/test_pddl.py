"""Reading domains, problems and folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsm.data.planning.pddl import load_domain, load_folder, load_problem, parse_domain, parse_problem
from nsm.data.planning.strips import Atom, Parameter, Predicate
from nsm.errors import DataError

DOMAIN = """
(define (domain Depot)
  (:requirements :strips :typing :negative-preconditions :equality)
  (:types truck crane - machine machine box - object)
  (:constants home - truck)
  (:predicates
    (at ?m - (either machine box) ?b - box)
    (busy ?m - machine)
    (ready))
  (:action swap
    :parameters (?a ?b - truck ?c)
    :precondition (and (not (= ?a ?b)) (= ?c home) (at ?a ?c) (not (busy ?b)) (and (ready)))
    :effect (and (busy ?a) (not (busy ?b)) (increase (total-cost) 3)))
  (:action rest
    :parameters ()
    :precondition ()
    :effect (and (ready) (not (busy home)))))
"""
PROBLEM = """
(define (problem One)
  (:domain depot)
  (:objects T1 t2 - truck b - box)
  (:INIT (AT T1 b) (busy home) (ready) (= (total-cost) 0)
         (ready) (not (busy t2)))
  (:goal (and (busy t1) (not (busy home))))
  (:metric minimize (total-cost)))
"""


def error_of_domain(*change: str) -> DataError:
    assert change[0] in DOMAIN
    with pytest.raises(DataError) as caught:
        parse_domain(DOMAIN.replace(*change), "domain.pddl")
    return caught.value


def error_of_problem(*change: str) -> DataError:
    assert change[0] in PROBLEM
    with pytest.raises(DataError) as caught:
        parse_problem(PROBLEM.replace(*change), parse_domain(DOMAIN), "one.pddl")
    return caught.value


def test_domain() -> None:
    domain = parse_domain(DOMAIN)
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


def test_problem() -> None:
    problem = parse_problem(PROBLEM, parse_domain(DOMAIN))
    assert problem.objects == {"home": "truck", "t1": "truck", "t2": "truck", "b": "box"}
    assert problem.init == (Atom("at", ("t1", "b")), Atom("busy", ("home",)), Atom("ready", ()))
    assert (problem.goal, problem.goal_not) == ((Atom("busy", ("t1",)),), (Atom("busy", ("home",)),))


def test_single_atoms_in_place_of_conjunctions() -> None:
    domain = parse_domain("(define (domain d) (:predicates (p)) (:action a :parameters () :effect (p)))")
    assert domain.operators["a"].positive == ()
    problem = parse_problem("(define (problem q) (:domain d) (:init) (:goal (p)))", domain)
    assert (problem.objects, problem.init, problem.goal) == ({}, (), (Atom("p", ()),))


def test_predicate_may_repeat_a_parameter() -> None:
    text = DOMAIN.replace("(busy ?m - machine)", "(busy ?m - machine) (in ?x ?x)")
    assert parse_domain(text).predicates["in"].arity == 2


def test_undeclared_parent_is_an_object() -> None:
    assert parse_domain(DOMAIN.replace("machine machine box", "machine box")).types["machine"] == "object"


@pytest.mark.parametrize(
    ("old", "new", "line", "words", "hint"),
    [
        ("(busy ?a) (not", "(bussy ?a) (not", 13, "undeclared predicate 'bussy' in action 'swap'", "'busy'"),
        ("(at ?a ?c)", "(at ?a)", 12, "predicate 'at' takes 2 arguments, came 1", "(at machine|box box)"),
        ("(at ?a ?c)", "(at ?a ?d)", 12, "undeclared parameter '?d'", "?a, ?b, ?c"),
        ("(= ?c home)", "(= ?c hom)", 12, "undeclared object 'hom'", None),
        ("?b - truck ?c", "?b - lorry ?c", 11, "unknown type 'lorry'", "truck"),
        ("home - truck", "home - lorry", 5, "unknown type 'lorry'", "truck"),
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
        ("b - box", "t1 - box", 4, "object 't1' has two types, 'truck' and 'box'"),
        ("(:domain depot)", "", 1, "the problem has no (:domain ..)"),
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


def test_domain_without_actions() -> None:
    with pytest.raises(DataError, match="no actions"):
        parse_domain("(define (domain d) (:predicates (p)))")


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "domain.pddl").write_text(DOMAIN)
    (tmp_path / "b.pddl").write_text(PROBLEM.replace("One", "b"))
    (tmp_path / "a.pddl").write_text(PROBLEM.replace("One", "a"))
    (tmp_path / "b.plan").write_text("(rest)")
    domain, problems = load_folder(tmp_path)
    assert domain == parse_domain(DOMAIN) == load_domain(tmp_path / "domain.pddl")
    assert [problem.name for problem in problems] == ["a", "b"]
    assert problems[1] == load_problem(tmp_path / "b.pddl", domain)
    assert problems[1].file == str(tmp_path / "b.pddl")


def test_errors_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the folder does not exist"):
        load_folder(tmp_path / "none")
    with pytest.raises(DataError, match=r"domain\.pddl: the file does not exist"):
        load_folder(tmp_path)
    (tmp_path / "domain.pddl").write_text(DOMAIN)
    with pytest.raises(DataError, match="no problem files"):
        load_folder(tmp_path)
    with pytest.raises(DataError, match="expected a folder, came a file"):
        load_folder(tmp_path / "domain.pddl")


@pytest.mark.needs_shared
@pytest.mark.parametrize(
    ("name", "count", "operators"),
    [
        ("blocks", 35, 4),
        ("gripper", 20, 3),
        ("logistics00", 28, 6),
        ("visitall-opt11-strips", 20, 1),
    ],
)
def test_competition_folders(shared: Path, name: str, count: int, operators: int) -> None:
    domain, problems = load_folder(shared / "data/planning/ipc" / name)
    assert (len(problems), len(domain.operators)) == (count, operators)
    assert all(problem.goal and problem.init for problem in problems)


@pytest.mark.needs_shared
def test_competition_elevators(shared: Path) -> None:
    folder = shared / "data/planning/ipc/miconic"
    domain = load_domain(folder / "domain.pddl")
    problem = load_problem(folder / "s10-0.pddl", domain)
    assert len(problem.objects) == 30
    assert len(problem.goal) == 10
