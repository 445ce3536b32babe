"""Facts with numbers, actions with masks, and what is reachable."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from nsm.data.planning.checking import check_plan
from nsm.data.planning.generators import GENERATORS, load_builtin_domain
from nsm.data.planning.grounding import GroundAction, GroundTask, fact_ids, fact_mask
from nsm.data.planning.pddl import load_domain, load_folder, load_problem, parse_domain, parse_problem
from nsm.data.planning.strips import Atom, Domain, Problem, Step
from nsm.errors import DataError

DOMAIN = parse_domain("""
(define (domain rooms)
  (:types room key - object red blue - key)
  (:constants hall - room)
  (:predicates (door ?a ?b - room) (in ?r - room) (open ?r - room) (fits ?k - key ?r - room) (broken ?k - key)
               (holds ?k - key) (seen ?a ?b - room))
  (:action walk
    :parameters (?from ?to - room)
    :precondition (and (in ?from) (door ?from ?to) (open ?to) (not (= ?to hall)))
    :effect (and (in ?to) (not (in ?from)) (seen ?from ?to)))
  (:action unlock
    :parameters (?key - red ?at ?to - room)
    :precondition (and (in ?at) (door ?at ?to) (fits ?key ?to) (not (open ?to)) (not (broken ?key)))
    :effect (open ?to))
  (:action turn
    :parameters (?a ?b - room)
    :precondition (and (seen ?a ?b) (in ?b) (= ?a ?b))
    :effect (and (not (seen ?a ?b)) (not (in ?b)) (in ?b)))
  (:action pick
    :parameters (?key - key)
    :precondition ()
    :effect (holds ?key)))
""")
PROBLEM = parse_problem(
    """
(define (problem p) (:domain rooms)
  (:objects a b c - room r1 r2 r3 - red b1 - blue)
  (:init (in hall) (door hall a) (door a b) (door b b) (door b hall) (open a) (open hall)
         (fits r1 b) (fits r2 b) (broken r2) (fits b1 b) (fits r3 c))
  (:goal (and (in b) (not (open b)))))
""",
    DOMAIN,
)


def names(actions: tuple[GroundAction, ...] | list[GroundAction]) -> list[str]:
    return sorted(map(str, actions))


def relaxed_steps(domain: Domain, problem: Problem) -> set[Step]:
    """What can be done when nothing is deleted and no fluent is forbidden, by trying all combinations."""
    operators = {
        name: replace(
            operator,
            delete=(),
            negative=tuple(atom for atom in operator.negative if atom.predicate not in domain.fluents),
        )
        for name, operator in domain.operators.items()
    }
    relaxed = replace(domain, operators=operators)
    combinations = []
    for operator in domain.operators.values():
        wanted = [parameter.type for parameter in operator.parameters]
        members = [[o for o, kind in problem.objects.items() if domain.is_subtype(kind, of)] for of in wanted]
        combinations += [Step(operator.name, args) for args in product(*members)]
    facts, found = set(problem.init), set[Step]()
    while True:
        possible = [step for step in combinations if check_plan(relaxed, problem.objects, facts, (), [step])]
        if found == set(possible):
            return found
        found = set(possible)
        task = GroundTask(relaxed, problem)
        facts.update(atom for step in possible for atom in task.atoms(task.action(*step).add))


def test_masks_and_ids() -> None:
    assert fact_ids(fact_mask((5, 0, 70))) == (0, 5, 70)
    assert fact_ids(0) == ()


def test_facts_are_numbered_on_demand() -> None:
    task = GroundTask(DOMAIN, PROBLEM)
    assert set(task.atoms(task.init)) == set(PROBLEM.init)
    assert task.atoms(task.goal) == (Atom("in", ("b",)),)
    assert task.atoms(task.goal_not) == (Atom("open", ("b",)),)
    count = len(task.facts)
    number = task.fact_id(Atom("door", ("c", "c")))
    assert number == count == task.fact_id(Atom("door", ("c", "c")))
    assert not task.is_fluent(number)
    assert task.is_fluent(task.fact_id(Atom("in", ("c",))))


def test_one_action() -> None:
    task = GroundTask(DOMAIN, PROBLEM)
    action = task.action("unlock", ("r2", "a", "b"))
    assert action is task.action("unlock", ["r2", "a", "b"])
    assert [str(task.facts[number]) for number in action.needs] == ["(in a)", "(door a b)", "(fits r2 b)"]
    assert [str(task.facts[number]) for number in action.needs_not] == ["(open b)", "(broken r2)"]
    assert (action.pos, action.neg) == (fact_mask(action.needs), fact_mask(action.needs_not))
    assert (action.add, action.delete) == (task.mask([Atom("open", ("b",))]), 0)
    assert action.step == Step("unlock", ("r2", "a", "b"))
    assert str(action) == "(unlock r2 a b)"


def test_delete_comes_before_add() -> None:
    action = GroundTask(DOMAIN, PROBLEM).action("turn", ("a", "a"))
    assert len(action.adds) == len(action.deletes) == 1
    assert action.adds != action.deletes
    assert action.add & action.delete == 0


def test_broken_equalities_need_a_fact_that_never_holds() -> None:
    task = GroundTask(DOMAIN, PROBLEM)
    home = task.action("walk", ("b", "hall"))
    assert [str(task.facts[number]) for number in home.needs][-1] == "(distinct hall hall)"
    turn = task.action("turn", ("a", "b"))
    assert [str(task.facts[number]) for number in turn.needs][-1] == "(= a b)"
    assert home not in task.actions
    assert turn not in task.actions


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("jump", ("a",), "unknown action 'jump'"),
        ("walk", ("a",), "action 'walk' takes 2 arguments, came 1"),
        ("walk", ("a", "z"), r"unknown object 'z' in \(walk a z\)"),
        (
            "unlock",
            ("b1", "a", "b"),
            r"expected an object of type 'red' as \?key of action 'unlock', came 'b1'",
        ),
    ],
)
def test_impossible_actions(name: str, args: tuple[str, ...], words: str) -> None:
    with pytest.raises(DataError, match=words):
        GroundTask(DOMAIN, PROBLEM).action(name, args)


def test_reachable_actions_are_those_of_trying_everything() -> None:
    task = GroundTask(DOMAIN, PROBLEM)
    assert {action.step for action in task.actions} == relaxed_steps(DOMAIN, PROBLEM)
    assert len(task.actions) == len({action.step for action in task.actions})


@pytest.mark.parametrize("name", GENERATORS)
def test_reachable_actions_of_generated_problems(name: str) -> None:
    domain, problem = load_builtin_domain(name), GENERATORS[name](np.random.default_rng(4), 0.5)
    found = {action.step for action in GroundTask(domain, problem).actions}
    assert found == relaxed_steps(domain, problem)


@pytest.mark.parametrize("name", GENERATORS)
def test_applicable_is_what_the_checker_says(name: str) -> None:
    rng = np.random.default_rng(3)
    domain, problem = load_builtin_domain(name), GENERATORS[name](rng)
    task = GroundTask(domain, problem)
    state = task.init
    for _ in range(12):
        facts = task.atoms(state)
        expected = [a for a in task.actions if check_plan(domain, problem.objects, facts, (), [a.step])]
        found = task.applicable(state)
        assert names(found) == names(expected)
        action = found[int(rng.integers(len(found)))]
        state = state & action.keep | action.add


def test_parameters_that_nothing_binds() -> None:
    assert len([action for action in GroundTask(DOMAIN, PROBLEM).actions if action.name == "pick"]) == 4


def test_unreachable_parts_are_not_grounded() -> None:
    names_of = {action.step for action in GroundTask(DOMAIN, PROBLEM).actions}
    assert Step("unlock", ("r1", "a", "b")) in names_of
    assert Step("unlock", ("r2", "a", "b")) not in names_of, "the key is broken for good"
    assert not any("c" in step.args for step in names_of if step.operator == "walk")


@pytest.mark.needs_shared
@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("blocks/probBLOCKS-17-0", 2 * (17 + 17 * 17)),
        ("gripper/prob20", 4 + 2 * 42 * 2 * 2),
        ("miconic/s30-0", 30 + 30 + 60 * 59),
        ("visitall-opt11-strips/problem11-full", 2 * (2 * 11 * 10)),
    ],
)
def test_largest_competition_problems(shared: Path, name: str, actions: int) -> None:
    path = shared / "data/planning/ipc" / f"{name}.pddl"
    domain = load_domain(path.parent / "domain.pddl")
    assert len(GroundTask(domain, load_problem(path, domain)).actions) == actions


@pytest.mark.needs_shared
def test_competition_logistics(shared: Path) -> None:
    domain, problems = load_folder(shared / "data/planning/ipc/logistics00")
    for problem in problems:
        task = GroundTask(domain, problem)
        assert task.applicable(task.init)
        assert all(task.is_fluent(n) or task.init >> n & 1 for action in task.actions for n in action.needs)
