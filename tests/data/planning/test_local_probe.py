"""The local probe sees broken neighbourhoods, and does not see what is far away."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nsm.config import PlanningConfig
from nsm.data.packed import PackedGraphs
from nsm.data.planning.graphs import planning_schema
from nsm.data.planning.local_probe import (
    BALANCE,
    EVENTS,
    OBJECTS,
    STEPS,
    deeper_patterns,
    local_patterns,
    local_predictions,
    local_probes,
)
from nsm.data.planning.source import PlanningSource, Shard
from nsm.data.writing import write_packed

Plan = list[list[str]]
Problem = dict[str, Any]
FAMILIES = ("ferry", "grid")
MADE = PlanningSource(PlanningConfig(graphs=400, domains=FAMILIES), seed=2)


def ferry(random: np.random.Generator, trips: int = 4, *, home: bool = False) -> Plan:
    """Board a car, sail, debark it; each trip begins where the last one ended, or all begin at one port."""
    plan: Plan = []
    here = "p0"
    for _ in range(trips):
        car, there = f"c{random.integers(0, 6)}", f"p{random.integers(1, 6)}"
        plan += [["board", car, here], ["sail", here, there], ["debark", car, there]]
        here = here if home else there
    return plan


def problem(plan: Plan, **parts: Any) -> Problem:
    return {"domain": "ferry", "plan": plan, "init": [], "goal": [], **parts}


def swap_neighbours(plan: Plan, random: np.random.Generator) -> Plan:
    at = int(random.integers(0, len(plan) - 1))
    return [*plan[:at], plan[at + 1], plan[at], *plan[at + 2 :]]


def swap_runs(plan: Plan, random: np.random.Generator) -> Plan:
    """Exchanges two runs of whole trips: the pairs of steps at the seams look like those of other trips."""
    first, middle, last = sorted(3 * random.choice(len(plan) // 3 + 1, size=3, replace=False))
    return [*plan[:first], *plan[middle:last], *plan[first:middle], *plan[last:]]


def accuracy(edit: Callable[[Plan, np.random.Generator], Plan], pairs: int = 200, *, home: bool = False) -> float:
    random = np.random.default_rng(0)
    plans = [ferry(random, home=home) for _ in range(pairs)]
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


def test_the_deeper_look_follows_each_object_and_skips_a_step() -> None:
    plan = [["board", "c1", "p0"], ["sail", "p0", "p0"], ["debark", "c1", "p0"]]
    assert dict(deeper_patterns(problem(plan))) == {
        "apart board > debark 0=0 1=1": 1, "object never > board 0": 1, "object never > board 1": 1,
        "object board 1 > sail 1": 1, "object board 0 > debark 0": 1, "object sail 1 > debark 1": 1,
    }  # fmt: skip


def test_an_empty_plan_has_no_patterns() -> None:
    assert not local_patterns(problem([])) and not deeper_patterns(problem([]))


def test_exchanged_neighbours_are_seen() -> None:
    assert accuracy(swap_neighbours) > 0.9


def test_what_shows_only_at_the_seams_is_seen_and_without_them_nothing_is() -> None:
    """The same edit, with trips that end where the next begins and with trips that all begin at one port."""
    assert accuracy(swap_runs) > 0.75
    assert 0.4 < accuracy(swap_runs, home=True) < 0.6


def test_a_domain_that_only_the_test_fold_has_is_judged_all_the_same() -> None:
    random = np.random.default_rng(0)
    problems = [problem(ferry(random), domain=f"d{number}") for number in range(20)]
    labels = np.tile([0, 1], 10)
    predicted = local_predictions(problems, labels, np.arange(20))
    assert set(predicted.tolist()) <= {0, 1}


def test_plans_are_read_from_the_sources_and_facts_from_the_graphs(tmp_path: Path) -> None:
    schema = planning_schema(4)
    samples = [sample for family in FAMILIES for sample in MADE.make(Shard(family, 0, 60))]
    for sample in samples:
        sample.info = {**sample.info, "split": "train"}
        plan = json.loads(sample.source)
        if not sample.label and sample.info["family"] == "ferry":
            plan["plan"].reverse()
        sample.source = json.dumps(plan)
        if not sample.label and sample.info["family"] == "grid":  # every failure of grid shows in the counts
            sample.relation = np.where(sample.relation == schema.relations.index("adds"), 0, sample.relation)
    write_packed(tmp_path / "packed", schema, samples)
    scores = local_probes(PackedGraphs.open(tmp_path / "packed"), seed=1)
    found = {(score.name, score.feature): score.accuracy for score in scores}
    assert set(found) == {(name, family) for name in (STEPS, OBJECTS, BALANCE, EVENTS) for family in ("", *FAMILIES)}
    assert found[STEPS, "ferry"] > 0.75 > 0.6 > found[STEPS, "grid"]
    assert found[BALANCE, "grid"] > 0.75 > 0.6 > found[BALANCE, "ferry"]
    assert found[STEPS, ""] == pytest.approx((found[STEPS, "ferry"] + found[STEPS, "grid"]) / 2, abs=0.02)


def test_one_family_is_not_told_twice(tmp_path: Path) -> None:
    samples = MADE.make(Shard("ferry", 0, 20))
    for sample in samples:
        sample.info = {**sample.info, "split": "train"}
    write_packed(tmp_path / "packed", planning_schema(4), samples)
    scores = local_probes(PackedGraphs.open(tmp_path / "packed"))
    assert [(score.name, score.feature, score.judged) for score in scores] == [
        (STEPS, "", True), (OBJECTS, "", False), (BALANCE, "", True), (EVENTS, "", False)
    ]  # fmt: skip
    assert scores[0].accuracy == 0.5  # twins agree in every pair of neighbouring steps
