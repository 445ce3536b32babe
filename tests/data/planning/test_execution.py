"""The executor: what fails, where, and since when."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsm.data.planning.checking import check_plan
from nsm.data.planning.execution import Causes, Execution, execute, final_state, find_causes
from nsm.data.planning.generators import GENERATORS, load_builtin_domain
from nsm.data.planning.grounding import GroundTask
from nsm.data.planning.pddl import parse_domain, parse_problem
from nsm.data.planning.walks import random_walk

DOMAIN = parse_domain("""
(define (domain lamps)
  (:predicates (lit ?x) (warm ?x) (lamp ?x))
  (:action light :parameters (?x) :precondition (and (lamp ?x) (not (lit ?x))) :effect (lit ?x))
  (:action warm :parameters (?x) :precondition (lit ?x) :effect (warm ?x))
  (:action darken :parameters (?x) :precondition (lit ?x) :effect (not (lit ?x)))
  (:action renew :parameters (?x) :precondition (lit ?x) :effect (and (not (lit ?x)) (lit ?x))))
""")
PROBLEM = parse_problem(
    """(define (problem p) (:domain lamps)
         (:objects a b) (:init (lamp a) (lit b)) (:goal (and (warm a) (lit b))))""",
    DOMAIN,
)


def run(steps: str, goal_not: str = "") -> tuple[Execution, list[str]]:
    """Runs steps like ``light a, darken a``; returns the words of what is broken too."""
    task = GroundTask(DOMAIN, PROBLEM)
    plan = task.plan((name, args) for name, *args in (step.split() for step in steps.split(",") if step))
    forbidden = task.action("warm", [goal_not]).pos if goal_not else 0
    execution = execute(task.init, plan, task.goal, forbidden)
    return execution, [str(task.facts[number]) for number in (*execution.unmet, *execution.violated)]


def test_valid() -> None:
    assert run("light a, warm a") == (Execution(valid=True), [])


def test_unmet_precondition() -> None:
    execution, broken = run("light a, darken a, warm b, darken b, light a, warm b")
    assert broken == ["(lit b)"]
    assert (execution.valid, execution.failed_step, execution.violated) == (False, 5, ())
    assert (execution.last_changes, execution.last_change, execution.distance) == ((4,), 4, 2)


def test_violated_precondition() -> None:
    execution, broken = run("light a, warm a, warm b, light a")
    assert broken == ["(lit a)"]
    assert (execution.failed_step, execution.unmet, execution.last_change, execution.distance) == (
        3,
        (),
        1,
        3,
    )


def test_cause_in_the_initial_state() -> None:
    execution, broken = run("warm b, warm b, warm a")
    assert broken == ["(lit a)"]
    assert (execution.failed_step, execution.last_change, execution.distance) == (2, 0, 3)


def test_step_right_after_its_cause() -> None:
    execution, _ = run("darken b, warm b")
    assert execution.distance == 1


def test_several_broken_facts() -> None:
    execution, broken = run("warm b, light a, darken b, warm b")
    assert broken == ["(lit b)"]
    execution, broken = run("warm b, darken b, renew a, light b")
    assert (execution.failed_step, broken) == (2, ["(lit a)"])
    execution, broken = run("warm b, darken b, warm a")
    assert execution.failed_step == 2
    execution, broken = run("light a, darken a, light b")
    assert sorted(broken) == ["(lamp b)", "(lit b)"]
    assert (execution.last_changes, execution.last_change) == ((0, 0), 0)


def test_latest_change_counts() -> None:
    execution, broken = run("warm b, darken b")
    assert broken == ["(lit b)", "(warm a)"]
    assert execution.failed_step == 2, "the goal, after both steps"
    assert (execution.last_changes, execution.last_change, execution.distance) == ((2, 0), 2, 1)


def test_goal_that_must_not_hold() -> None:
    execution, broken = run("light a, warm a", goal_not="b")
    assert broken == ["(lit b)"]
    assert (execution.failed_step, execution.unmet, execution.last_change, execution.distance) == (
        2,
        (),
        0,
        3,
    )


def test_renewing_a_fact_does_not_change_it() -> None:
    execution, _ = run("renew b, warm b, light b")
    assert (execution.failed_step, execution.last_change) == (2, 0)


def test_empty_plan() -> None:
    execution, broken = run("")
    assert (execution.failed_step, broken, execution.distance) == (0, ["(warm a)"], 1)


@pytest.mark.parametrize("name", GENERATORS)
@given(seed=st.integers(0, 2**32 - 1))
def test_agrees_with_the_checker(name: str, seed: int) -> None:
    """On walks with one step moved elsewhere, and towards a random goal."""
    rng = np.random.default_rng(seed)
    domain, problem = load_builtin_domain(name), GENERATORS[name](rng, 0.6)
    task = GroundTask(domain, problem)
    plan = random_walk(task, rng, 10)
    assert plan is not None
    if rng.random() < 0.8:
        plan.insert(int(rng.integers(10)), plan.pop(int(rng.integers(10))))
    goal = task.init & final_state(task.init, plan) if rng.random() < 0.7 else task.goal
    execution = execute(task.init, plan, goal)
    steps = [action.step for action in plan]
    verdict = check_plan(domain, problem.objects, problem.init, task.atoms(goal), steps)
    assert (execution.valid, execution.failed_step) == (bool(verdict), verdict.failed_step)
    if execution.failed_step is not None:
        state = final_state(task.init, plan[: execution.failed_step])
        assert not any(state >> number & 1 for number in execution.unmet)
        assert all(state >> number & 1 for number in execution.violated)
        assert execution.unmet or execution.violated
        assert 1 <= (execution.distance or 0) <= execution.failed_step + 1


def test_causes_of_all_that_is_broken() -> None:
    """A plan goes on after a failure, and what breaks then counts as well."""
    task = GroundTask(DOMAIN, PROBLEM)

    def causes(steps: str, goal: int = task.goal) -> Causes | None:
        plan = task.plan((name, [arg]) for name, arg in map(str.split, steps.split(", ")))
        return find_causes(task.init, plan, goal)

    assert causes("light a, warm a") is None
    assert causes("light a, warm a, light a", 0) == Causes(2, by_steps=True)  # it was lit two steps before
    # b is dark since two steps, a since one
    assert causes("darken b, light a, warm b, darken a, warm a", 0) == Causes(1, by_steps=True)
    assert causes("warm b, light a") == Causes(3, by_steps=False)  # only the goal fails, over what was never made
    assert causes("light b, light a, warm a", 0) == Causes(1, by_steps=False)  # b was lit from the beginning
