"""The trivial view: equal keys mean equal histograms, and small changes give what a fresh look gives."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nsm.data.planning.generators import GENERATORS, generate, load_builtin_domain
from nsm.data.planning.graphs import story_graph
from nsm.data.planning.grounding import GroundTask, fact_mask
from nsm.data.planning.swaps import Story, Swapper, view_of
from nsm.data.planning.view import step_facts
from nsm.data.planning.walks import choose_goal, random_walk


def story(family: str, seed: int, length: int = 14) -> Story:
    rng = np.random.default_rng(seed)
    while True:
        task = GroundTask(load_builtin_domain(family), generate(family, rng))
        plan = random_walk(task, rng, length)
        goal = None if plan is None else choose_goal(task, plan, rng)
        if plan is not None and goal is not None:
            return Story(task, task.init, tuple(plan), fact_mask(goal))


def histograms(of: Story) -> tuple[Counter[int], ...]:
    """Counted from the graph itself: node types, roles, relations, degrees of facts and of objects."""
    sample = story_graph(of, of.run(), group="g", info={})
    degree = Counter((*sample.head.tolist(), *sample.tail.tolist()))
    by_type = [Counter(degree[n] for n in np.flatnonzero(sample.node_type == kind).tolist()) for kind in (0, 1)]
    return (*(Counter(a.tolist()) for a in (sample.node_type, sample.role, sample.relation)), *by_type)


@pytest.mark.parametrize("family", list(GENERATORS))
def test_a_lookalike_has_the_histograms_of_the_story(family: str) -> None:
    found = 0
    for seed in range(12):
        original = story(family, seed)
        for swapped in Swapper(original.task).lookalikes(original):
            assert histograms(swapped) == histograms(original)
            found += 1
    assert found


def test_a_changed_histogram_changes_the_key() -> None:
    original = story("gripper", 0)
    shorter = Story(original.task, original.init, original.plan[:-1], original.goal)
    assert histograms(shorter) != histograms(original)
    assert view_of(shorter).key != view_of(original).key


@pytest.mark.parametrize("family", list(GENERATORS))
def test_exchanges_and_flags_give_what_a_fresh_look_gives(family: str) -> None:
    original, other = story(family, 1), story(family, 1)
    swapper = Swapper(original.task)
    a, b = swapper.pairs(original)[0]
    for swapped in (swapper.initial(original, a, b), swapper.goal(original, a, b)):
        view = view_of(original).copy()
        view.set_flags(swapped.init, swapped.goal, swapped.goal_not)
        assert view.key == view_of(swapped).key
    view, plan = view_of(original), list(original.plan)
    for place, step in enumerate(plan):
        args = tuple(b if arg == a else a if arg == b else arg for arg in step.args)
        plan[place] = original.task.action(step.name, args)
        view.exchange(step, plan[place])
    assert view.key == view_of(Story(original.task, original.init, tuple(plan), original.goal)).key
    assert view_of(original).key == view_of(other).key


def test_a_needed_fact_that_is_deleted_is_one_edge() -> None:
    for action in story("blocksworld", 0).plan:
        needs, consumes, needs_not, adds, deletes = step_facts(action)
        assert {*needs, *consumes} == {*action.needs}
        assert {*consumes, *deletes} == {*action.deletes}
        assert not {*needs} & {*action.deletes} and not {*deletes} & {*action.needs}
        assert (needs_not, adds) == (action.needs_not, action.adds)
