"""Random walks and the goals that they reach."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from nsm.data.planning.execution import execute, final_state
from nsm.data.planning.generators import GENERATORS, generate, load_builtin_domain
from nsm.data.planning.grounding import GroundTask, fact_mask
from nsm.data.planning.pddl import parse_domain, parse_problem
from nsm.data.planning.walks import choose_focus, choose_goal, random_walk


def task_of(name: str, seed: int = 0) -> GroundTask:
    return GroundTask(load_builtin_domain(name), generate(name, np.random.default_rng(seed)))


def line_task(effect: str) -> GroundTask:
    """Three rooms in a line; ``effect`` is what a step from ?a to ?b does."""
    domain = parse_domain(f"""(define (domain line) (:predicates (in ?a) (door ?a ?b) (seen ?a))
        (:action go :parameters (?a ?b) :precondition (and (in ?a) (door ?a ?b)) :effect {effect}))""")
    text = """(define (problem p) (:domain line)
        (:objects a b c) (:init (in a) (door a b) (door b c)) (:goal (in c)))"""
    return GroundTask(domain, parse_problem(text, domain))


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("length", [1, 8, 24, 48])
def test_walks_reach_their_goals(name: str, length: int) -> None:
    task, rng = task_of(name), np.random.default_rng(1)
    for _ in range(5):
        plan = random_walk(task, rng, length)
        assert plan is not None
        assert len(plan) == length
        goal = choose_goal(task, plan, rng, most=3)
        assert goal is not None
        assert 1 <= len(goal) <= 3
        assert list(goal) == sorted(set(goal))
        new = task.atoms(final_state(task.init, plan) & ~task.init)
        assert all(task.is_fluent(number) for number in goal)
        assert not new or set(task.atoms(fact_mask(goal))) <= set(new)
        assert execute(task.init, plan, fact_mask(goal)).valid


@pytest.mark.parametrize("name", GENERATORS)
def test_walks_seldom_turn_back(name: str) -> None:
    task, rng = task_of(name, seed=2), np.random.default_rng(1)
    for _ in range(5):
        plan = random_walk(task, rng, 20)
        assert plan is not None
        states = [final_state(task.init, plan[:count]) for count in range(21)]
        assert all(before != after for before, after in pairwise(states)), "every step changes something"
        assert len(set(states)) >= 15


@pytest.mark.parametrize("name", GENERATORS)
def test_walks_are_varied(name: str) -> None:
    task, rng = task_of(name), np.random.default_rng(1)
    plans = [random_walk(task, rng, 20) or [] for _ in range(20)]
    assert len({tuple(map(str, plan)) for plan in plans}) == 20
    changes = [Counter(number for action in plan for number in (*action.adds, *action.deletes)) for plan in plans]
    assert np.mean([count for facts in changes for count in facts.values()]) > 1.3, "facts change again and again"


def test_same_seed_same_walk() -> None:
    first, second = (random_walk(task_of("grid"), np.random.default_rng(5), 20) for _ in range(2))
    assert list(map(str, first or [])) == list(map(str, second or []))


def test_start_elsewhere() -> None:
    task, rng = task_of("blocksworld"), np.random.default_rng(1)
    start = final_state(task.init, random_walk(task, rng, 5) or [])
    plan = random_walk(task, rng, 6, start=start)
    assert plan is not None
    goal = choose_goal(task, plan, rng, start=start)
    assert goal is not None
    assert execute(start, plan, fact_mask(goal)).valid
    assert not start & fact_mask(goal)


def test_dead_end() -> None:
    task, rng = line_task("(and (in ?b) (not (in ?a)))"), np.random.default_rng(0)
    assert list(map(str, random_walk(task, rng, 2) or [])) == ["(go a b)", "(go b c)"]
    assert random_walk(task, rng, 3) is None


def test_steps_without_effect_are_the_last_choice() -> None:
    task, rng = line_task("(in ?b)"), np.random.default_rng(0)
    plan = random_walk(task, rng, 4)
    assert plan is not None
    assert list(map(str, plan[:2])) == ["(go a b)", "(go b c)"]


def test_goal_of_a_circle_and_of_nothing() -> None:
    task, rng = task_of("blocksworld"), np.random.default_rng(1)
    assert choose_goal(task, [], rng) is None
    first = task.applicable(task.init)[0]
    middle = task.init & first.keep | first.add
    back = next(a for a in task.applicable(middle) if middle & a.keep | a.add == task.init)
    goal = choose_goal(task, [first, back], rng)
    assert goal is not None
    assert all(task.init >> number & 1 and first.delete >> number & 1 for number in goal)


def test_a_focus_takes_in_what_static_facts_tie_to_its_objects() -> None:
    domain = parse_domain("""(define (domain lift) (:requirements :typing) (:types floor person)
        (:predicates (lift-at ?f) (origin ?p ?f) (above ?f ?g) (in ?p))
        (:action go :parameters (?f ?g - floor) :precondition (lift-at ?f)
         :effect (and (lift-at ?g) (not (lift-at ?f))))
        (:action board :parameters (?p ?f) :precondition (and (lift-at ?f) (origin ?p ?f)) :effect (in ?p)))""")
    floors = [f"f{number}" for number in range(9)]
    above = " ".join(f"(above {low} {high})" for low in floors for high in floors if low < high)
    text = f"""(define (problem p) (:domain lift) (:objects p1 p2 p3 - person {" ".join(floors)} - floor)
        (:init (lift-at f0) (origin p1 f1) (origin p2 f2) (origin p3 f3) {above}) (:goal (in p1)))"""
    task = GroundTask(domain, parse_problem(text, domain))
    assert task.ties["p2"] == {"f2"} and task.ties["f2"] == {"p2"}
    sizes = set()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        focus = choose_focus(task, rng, 4)
        sizes.add(len(focus))
        assert all((f"p{number}" in focus) == (f"f{number}" in focus) for number in (1, 2, 3))
        plan = random_walk(task, rng, 12, focus=focus)
        assert plan is not None
        strange = [step for step in plan if not focus.issuperset(step.args)]
        assert len(strange) <= 1  # to come from the first floor to the others
    assert sizes <= {4, 5, 6}
