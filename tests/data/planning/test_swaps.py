"""Twins: what swaps and reorderings change, what they keep, and what the two agree in."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise, starmap

import numpy as np
import pytest

from nsm.data.planning.checking import check_plan
from nsm.data.planning.execution import find_causes
from nsm.data.planning.generators import GENERATORS
from nsm.data.planning.grounding import GroundTask
from nsm.data.planning.pddl import parse_domain, parse_problem
from nsm.data.planning.reordering import bigram
from nsm.data.planning.strips import Atom
from nsm.data.planning.swaps import (
    Story,
    Swapper,
    difference,
    ends,
    find_twins,
    has_orphan,
    kinds_of_objects,
    largest_degrees,
    reordered,
    view_of,
)
from tests.data.planning.test_view import story


def test_initial_and_goal_swaps_exchange_two_objects_and_undo_themselves() -> None:
    original = story("logistics", 2)
    swapper = Swapper(original.task)
    task = original.task
    for a, b in swapper.pairs(original):
        swapped = swapper.initial(original, a, b)
        back = swapper.initial(swapped, a, b)
        assert (back.init, back.plan, back.goal) == (original.init, original.plan, original.goal)
        static = {fact for fact in task.atoms(original.init) if fact.predicate not in task.domain.fluents}
        assert static <= {*task.atoms(swapped.init)}
        other = {a: b, b: a}
        moved = {
            Atom(f.predicate, tuple(other.get(x, x) for x in f.args))
            for f in task.atoms(original.init)
            if f not in static
        }
        assert {*task.atoms(swapped.init)} == static | moved
        assert swapper.goal(swapper.goal(original, a, b), a, b).goal == original.goal


def test_only_objects_of_one_kind_are_exchanged() -> None:
    domain = parse_domain(
        """(define (domain d) (:predicates (truck ?x) (box ?x) (at ?x ?y))
        (:action go :parameters (?x ?y ?z) :precondition (and (truck ?x) (at ?x ?y))
         :effect (and (at ?x ?z) (not (at ?x ?y)))))"""
    )
    problem = parse_problem(
        """(define (problem p) (:domain d) (:objects t1 t2 b1 l m)
        (:init (truck t1) (truck t2) (box b1) (at t1 l) (at t2 m)) (:goal (at t1 m)))""",
        domain,
    )
    task = GroundTask(domain, problem)
    kinds = kinds_of_objects(task)
    assert kinds["t1"] == kinds["t2"] != kinds["b1"]
    plan = task.plan([("go", ("t1", "l", "m")), ("go", ("t2", "m", "l"))])
    pairs = Swapper(task).pairs(Story(task, task.init, tuple(plan), task.goal))
    assert set(pairs) == {("t1", "t2"), ("l", "m")}


@pytest.mark.parametrize("by_order", [True, False])
@pytest.mark.parametrize("family", list(GENERATORS))
def test_twins_agree_in_all_but_what_reasoning_shows(family: str, by_order: bool) -> None:
    found = 0
    for seed in range(40 if by_order else 120):
        original = story(family, seed, length=18)
        twins = find_twins(original, range(3, 99), np.random.default_rng(seed), by_order=by_order)
        if twins is None:
            continue
        found += 1
        good, bad = twins.valid, twins.invalid
        assert good.run().valid and not bad.run().valid
        assert twins.failure == bad.run() and (twins.failure.distance or 0) >= 3
        assert view_of(good).key == view_of(bad).key
        assert largest_degrees(good) == largest_degrees(bad) and ends(good) == ends(bad)
        assert Counter(starmap(bigram, pairwise(good.plan))) == Counter(starmap(bigram, pairwise(bad.plan)))
        assert not has_orphan(bad)
        assert (bad.kind == "order") == by_order
        for one in (good, bad):
            problem = one.task.problem
            init, goal = one.task.atoms(one.init), one.task.atoms(one.goal)
            steps = [(a.name, a.args) for a in one.plan]
            verdict = check_plan(one.task.domain, problem.objects, init, goal, steps)
            assert bool(verdict) == one.run().valid
    assert found


def test_distances_outside_the_range_are_refused() -> None:
    found = []
    for seed in range(20):
        twins = find_twins(story("grid", seed, length=18), range(5, 7), np.random.default_rng(seed))
        found += [] if twins is None else [twins.invalid]
    assert found
    causes = [find_causes(bad.init, bad.plan, bad.goal) for bad in found]
    assert {cause.nearest for cause in causes if cause is not None} <= {5, 6}
    assert find_twins(story("grid", 0, length=18), range(0), np.random.default_rng(0)) is None


@pytest.mark.parametrize("family", list(GENERATORS))
def test_a_failure_can_be_asked_for_that_steps_have_caused(family: str) -> None:
    """Then no fact is wanted by the first step that touches it, unless it holds at first."""
    found = 0
    for seed in range(40):
        original = story(family, seed, length=20)
        twins = find_twins(original, range(3, 99), np.random.default_rng(seed), by_steps=True)
        if twins is None:
            continue
        found += 1
        bad, touched = twins.invalid, twins.invalid.init
        for step in bad.plan:
            assert not step.pos & ~touched
            touched |= step.add | step.delete | step.pos
    assert found


@pytest.mark.parametrize(("by_order", "kinds"), [(True, {"order"}), (False, {"plan", "initial", "goal"})])
def test_what_stays_valid_when_it_is_altered_is_the_valid_twin(by_order: bool, kinds: set[str]) -> None:
    found = set()
    for seed in range(60):
        original = story("gripper", seed, length=18)
        twins = find_twins(original, range(1, 99), np.random.default_rng(seed), by_order=by_order)
        if twins is not None:
            found.add(twins.valid.kind)
    assert found & kinds and found <= kinds | {"none"}


def test_a_fact_that_nothing_makes_true_is_an_orphan() -> None:
    original = story("ferry", 3)
    assert not has_orphan(original)
    needed = original.plan[0].needs[0]
    bare = replace(original, init=original.init & ~(1 << needed), plan=original.plan[:1], goal=0)
    assert needed not in original.plan[0].adds and has_orphan(bare)


@pytest.mark.parametrize("family", list(GENERATORS))
def test_reordered_stories_keep_every_edge_of_every_fact(family: str) -> None:
    found = 0
    for seed in range(8):
        original = story(family, seed, length=16)
        for altered in reordered(original, np.random.default_rng(seed)):
            found += 1
            assert (altered.init, altered.goal, altered.kind) == (original.init, original.goal, "order")
            assert Counter(altered.plan) == Counter(original.plan)
            assert view_of(altered).key == view_of(original).key
    assert found


def test_the_difference_counts_facts_pairs_apart_and_pairs_of_an_object() -> None:
    original = story("ferry", 3)
    assert difference(original, original) == 0
    a, b, c = original.plan[:3]
    assert difference(original, replace(original, plan=(b, a, c, *original.plan[3:]))) > 0
    without_goal = replace(original, goal=original.goal & (original.goal - 1))
    assert difference(original, without_goal) == 2  # one fact has an edge less
