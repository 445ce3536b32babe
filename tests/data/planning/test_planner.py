"""Plans by a planner, for the problem's own goal."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsm.data.planning import planner
from nsm.data.planning.checking import check_plan
from nsm.data.planning.pddl import load_domain, load_problem, parse_domain, parse_problem
from nsm.data.planning.planner import check_planner, solve, solve_all
from nsm.data.planning.strips import Domain, Problem, Step
from nsm.errors import DataError

DOMAIN = parse_domain("""
(define (domain lamps)
  (:predicates (lit ?x) (cold ?x))
  (:action light :parameters (?x ?y) :precondition (and (not (lit ?x)) (lit ?y) (not (= ?x ?y)))
    :effect (and (lit ?x) (not (cold ?x))))
  (:action darken :parameters (?x) :precondition (and (lit ?x) (not (cold ?x))) :effect (not (lit ?x))))
""")


def problem(init: str, goal: str) -> Problem:
    text = f"(define (problem p) (:domain lamps) (:objects a b) (:init {init}) (:goal (and {goal})))"
    return parse_problem(text, DOMAIN)


SOLVABLE = problem("(lit b) (cold a)", "(lit a) (not (lit b))")
HOPELESS = problem("(cold a) (cold b)", "(lit a)")
DONE = problem("(lit a)", "(lit a) (not (lit b))")


def is_solved(domain: Domain, of: Problem, plan: list[Step] | None) -> bool:
    return plan is not None and bool(check_plan(domain, of.objects, of.init, of.goal, plan, of.goal_not))


@pytest.mark.needs_planner
def test_negations_and_inequalities() -> None:
    """None of which pyperplan knows."""
    plans = list(solve_all(DOMAIN, [SOLVABLE, HOPELESS, DONE], seconds=60))
    assert plans == [[Step("light", ("a", "b")), Step("darken", ("b",))], None, []]
    assert is_solved(DOMAIN, SOLVABLE, plans[0])


@pytest.mark.needs_planner
def test_time_limit() -> None:
    """The child that took too long is gone, and the next problem gets a new one."""
    child = planner._Child()
    assert child.solve(DOMAIN, SOLVABLE, 60.0) is not None
    slow = child.process
    assert child.solve(DOMAIN, SOLVABLE, 0.0) is None
    assert slow is not None
    assert child.process is None
    assert child.solve(DOMAIN, SOLVABLE, 60.0) is not None
    child.close()
    assert child.process is None


@pytest.mark.needs_planner
def test_death_of_the_planner() -> None:
    child = planner._Child()
    child.solve(DOMAIN, SOLVABLE, 60.0)
    assert child.process is not None
    child.process.kill()
    child.process.join()
    with pytest.raises(DataError, match=r"^<text>: the planner stopped with exit code -9"):
        child.solve(DOMAIN, SOLVABLE, 60.0)


@pytest.mark.needs_planner
@pytest.mark.needs_shared
@pytest.mark.parametrize(
    "name", ["blocks/probBLOCKS-4-1", "gripper/prob01", "logistics00/probLOGISTICS-4-0", "miconic/s4-0"]
)
def test_competition_problems(shared: Path, name: str) -> None:
    path = shared / "data/planning/ipc" / f"{name}.pddl"
    domain = load_domain(path.parent / "domain.pddl")
    of = load_problem(path, domain)
    assert is_solved(domain, of, solve(domain, of))


def test_missing_planner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "find_spec", lambda name: None if name == "up_pyperplan" else object())
    for call in (check_planner, lambda: solve(DOMAIN, DONE), lambda: next(solve_all(DOMAIN, [DONE]))):
        with pytest.raises(DataError, match=r"need up_pyperplan, not installed here \(pip install 'nsm\[planner\]'"):
            call()
