"""The local probe sees broken neighbourhoods, and does not see what is far away."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nsm.data.planning.local_probe import local_patterns, local_predictions, local_probe
from nsm.data.triples import Sample
from tests.data.twin_graphs import packed, twins

Plan = list[list[str]]
Problem = dict[str, Any]


def ferry(random: np.random.Generator, steps: int = 8) -> Plan:
    """Board a car, sail, debark it: every third step refers to the one two before."""
    plan: Plan = []
    here = "p0"
    for _ in range(steps // 2):
        car, there = f"c{random.integers(0, 6)}", f"p{random.integers(1, 6)}"
        plan += [["board", car, here], ["sail", here, there], ["debark", car, there]]
        here = there
    return plan


def problem(plan: Plan, **parts: Any) -> Problem:
    return {"domain": "ferry", "plan": plan, "init": [], "goal": [], **parts}


def swap_neighbours(plan: Plan, random: np.random.Generator) -> Plan:
    at = int(random.integers(0, len(plan) - 1))
    return [*plan[:at], plan[at + 1], plan[at], *plan[at + 2 :]]


def swap_cars(plan: Plan, _random: np.random.Generator) -> Plan:
    """Exchanges two cars everywhere: whatever is wrong with it, no pair of steps shows it."""
    other = {"c0": "c1", "c1": "c0"}
    return [[other.get(word, word) for word in step] for step in plan]


def accuracy(edit: Callable[[Plan, np.random.Generator], Plan], pairs: int = 200) -> float:
    random = np.random.default_rng(0)
    plans = [ferry(random) for _ in range(pairs)]
    problems = [problem(p) for plan in plans for p in (plan, edit(plan, random))]
    labels, groups = np.tile([1, 0], pairs), np.repeat(np.arange(pairs), 2)
    return float((local_predictions(problems, labels, groups) == labels).mean())


def test_patterns_of_a_plan() -> None:
    plan = [["board", "c1", "p0"], ["sail", "p0", "p0"], ["debark", "c1", "p0"]]
    found = local_patterns(
        problem(plan, init=[["at", "c1", "p0"], ["at", "c2", "p0"], ["empty"]], goal=[["at", "c1", "p0"]])
    )
    assert dict(found) == {
        "board": 1, "sail 0=1": 1, "debark": 1, "board > sail 1=0 1=1": 1, "sail > debark 0=1 1=1": 1,
        "initially at 0,1 > board": 1, "initially empty  > board": 1, "debark > goal at 0,1": 1,
    }  # fmt: skip


def test_patterns_do_not_depend_on_names() -> None:
    plan = ferry(np.random.default_rng(3))
    renamed = [[step[0], *(f"x{word}" for word in step[1:])] for step in plan]
    assert local_patterns(problem(plan)) == local_patterns(problem(renamed))


def test_an_empty_plan_has_no_patterns() -> None:
    assert not local_patterns(problem([]))


def test_exchanged_neighbours_are_seen() -> None:
    assert accuracy(swap_neighbours) > 0.9


def test_an_identity_swap_is_not_seen() -> None:
    assert 0.4 < accuracy(swap_cars) < 0.6


def test_a_domain_that_only_the_test_fold_has_is_judged_all_the_same() -> None:
    random = np.random.default_rng(0)
    problems = [problem(ferry(random), domain=f"d{number}") for number in range(20)]
    labels = np.tile([0, 1], 10)
    predicted = local_predictions(problems, labels, np.arange(20))
    assert set(predicted.tolist()) <= {0, 1}


def test_plans_are_read_from_the_sources(tmp_path: Path) -> None:
    def write(sample: Sample, random: np.random.Generator) -> None:
        plan = ferry(random)
        sample.source = json.dumps(problem(plan if sample.label else swap_neighbours(plan, random)))

    graphs = packed(tmp_path / "packed", twins(200, edit=write))
    assert local_probe(graphs, seed=1) > 0.85
    assert local_probe(graphs, seed=1) == pytest.approx(local_probe(graphs, seed=1))
