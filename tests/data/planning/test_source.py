"""The planning source: pure in seed and shard, balanced, uniform in length, mostly non-local."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from nsm.config import PlanningConfig
from nsm.data.planning import source as source_module
from nsm.data.planning.generators import GENERATORS
from nsm.data.planning.pddl import load_folder
from nsm.data.planning.source import PAIRS_PER_SHARD, PlanningSource, Shard
from nsm.errors import DataError

FERRY = """(define (domain tiny-ferry) (:requirements :strips :typing) (:types car port)
 (:predicates (at ?c - car ?p - port) (on ?c - car) (ferry-at ?p - port) (free))
 (:action sail :parameters (?a ?b - port) :precondition (ferry-at ?a)
  :effect (and (ferry-at ?b) (not (ferry-at ?a))))
 (:action board :parameters (?c - car ?p - port) :precondition (and (at ?c ?p) (ferry-at ?p) (free))
  :effect (and (on ?c) (not (at ?c ?p)) (not (free))))
 (:action leave :parameters (?c - car ?p - port) :precondition (and (on ?c) (ferry-at ?p))
  :effect (and (at ?c ?p) (free) (not (on ?c)))))"""
TRIPS = [("c1", "p1", "p2"), ("c2", "p2", "p1"), ("c3", "p1", "p2"), ("c1", "p2", "p1")]
TRIPS += [("c2", "p1", "p2"), ("c3", "p2", "p1"), ("c1", "p1", "p2"), ("c2", "p2", "p1")]
PROBLEM = """(define (problem p{i}) (:domain tiny-ferry) (:objects c1 c2 c3 - car p1 p2 p3 - port)
 (:init (free) (ferry-at p{i}) (at c1 p1) (at c2 p2) (at c3 p1)) (:goal (and (at c1 p2) (at c2 p1))))"""


def source(**changes: object) -> PlanningSource:
    return PlanningSource(PlanningConfig(**{"graphs": 200, **changes}), seed=0)


def folder(tmp_path: Path) -> Path:
    (tmp_path / "domain.pddl").write_text(FERRY)
    for i in (1, 2, 3):
        (tmp_path / f"p{i}.pddl").write_text(PROBLEM.format(i=i))
    return tmp_path


@pytest.mark.parametrize("family", list(GENERATORS))
def test_pairs_are_twins_of_uniform_length(family: str) -> None:
    samples = source().make(Shard(family, 0, 12))
    assert len(samples) >= 16 and len(samples) % 2 == 0
    for pair in zip(samples[::2], samples[1::2], strict=True):
        invalid, valid = sorted(pair, key=lambda sample: sample.label)
        assert (valid.label, invalid.label) == (1, 0)
        assert valid.group == invalid.group and valid.info == invalid.info
        assert len(valid.node_type) == len(invalid.node_type)
        assert Counter(valid.relation.tolist()) == Counter(invalid.relation.tolist())
        assert 8 <= int(valid.info["length"]) <= 24
        assert np.count_nonzero(valid.node_type == 0) >= 4
    distances = [int(s.info["distance"]) for s in samples]
    assert sum(d >= 3 for d in distances) >= len(distances) / 2


def test_the_place_in_the_file_does_not_tell_the_label() -> None:
    samples = source().make(Shard("logistics", 0, 40))
    first = [sample.label for sample in samples[::2]]
    assert 8 < sum(first) < len(first) - 8


def test_most_twins_differ_in_order_and_some_in_objects() -> None:
    samples = [sample for family in GENERATORS for sample in source().make(Shard(family, 0, 25))]
    kinds = Counter(sample.info["swap"] for sample in samples)
    assert kinds["order"] > 0.75 * len(samples)
    assert {"order", "plan", "goal"} <= set(kinds) <= {"order", "plan", "goal", "initial"}


def test_large_problems_are_walked_on_few_objects_every_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = source(pddl=folder(tmp_path))
    focused: list[bool] = []

    def look(*_: object, focus: frozenset[str] | None) -> None:
        focused.append(focus is not None)

    monkeypatch.setattr(source_module, "random_walk", look)
    list(made._stories("tiny-ferry", 0, np.random.default_rng(0)))
    assert focused and not any(focused)
    focused.clear()
    monkeypatch.setattr(source_module, "LARGE", 5)
    list(made._stories("tiny-ferry", 0, np.random.default_rng(0)))
    assert sum(focused) == len(focused) / 2


def test_a_shard_depends_on_nothing_but_seed_family_and_numbers() -> None:
    whole = source().make(Shard("gripper", 0, 6))
    again = source(graphs=400).make(Shard("gripper", 3, 3))
    assert [s.source for s in again] == [s.source for s in whole if int(str(s.info["pair"]).split("/")[1]) >= 3]
    other = PlanningSource(PlanningConfig(graphs=200), seed=1).make(Shard("gripper", 0, 6))
    assert [s.source for s in other] != [s.source for s in whole]


def test_shards_cover_all_pairs_in_equal_shares() -> None:
    shards = source(graphs=1234).shards()
    assert sum(shard.count for shard in shards) == 617
    shares = Counter[str]()
    for shard in shards:
        shares[shard.family] += shard.count
        assert shard.count <= PAIRS_PER_SHARD
    assert max(shares.values()) - min(shares.values()) <= 1


def test_the_users_domain_takes_the_place_of_the_generated_ones(tmp_path: Path) -> None:
    made = source(pddl=folder(tmp_path))
    assert made.families == ("tiny-ferry",)
    samples = made.make(Shard("tiny-ferry", 0, 10))
    assert {s.group for s in samples} <= {f"tiny-ferry/p{i}" for i in (1, 2, 3)}
    before = made.key()
    (tmp_path / "p3.pddl").write_text(PROBLEM.format(i=3).replace("(at c3 p1)", "(at c3 p3)"))
    assert source(pddl=tmp_path).key() != before


def test_one_problem_drawn_twice_is_one_group() -> None:
    samples = source(domains=("blocksworld",)).make(Shard("blocksworld", 0, PAIRS_PER_SHARD))
    begins: dict[str, str] = {}
    for sample in samples:
        told = json.loads(sample.source)
        if told["swap"]["kind"] != "initial":
            begin = json.dumps([told["objects"], told["init"]], sort_keys=True)
            assert begins.setdefault(begin, sample.group) == sample.group
    assert 1 < len(begins) < PAIRS_PER_SHARD


def test_problems_of_one_name_are_told_apart_by_their_files(tmp_path: Path) -> None:
    folder(tmp_path)
    for i in (1, 2, 3):
        (tmp_path / f"p{i}.pddl").write_text(PROBLEM.format(i=i).replace(f"(problem p{i})", "(problem same)"))
    samples = source(pddl=tmp_path).make(Shard("tiny-ferry", 0, 10))
    assert len({sample.group for sample in samples}) > 1


def test_plans_from_files(tmp_path: Path) -> None:
    folder(tmp_path)
    plan = "".join(f"(board {c} {a})\n(sail {a} {b})\n(leave {c} {b})\n" for c, a, b in TRIPS)
    (tmp_path / "p1.plan").write_text(plan)
    samples = source(pddl=tmp_path, plan_source="files", min_distance=1).make(Shard("tiny-ferry", 0, 4))
    assert {s.info["length"] for s in samples} == {3 * len(TRIPS)}


@pytest.mark.needs_planner
def test_plans_from_a_planner_solve_the_problems_own_goals(tmp_path: Path) -> None:
    pytest.importorskip("unified_planning")
    made = source(pddl=folder(tmp_path), plan_source="planner")
    problems = load_folder(tmp_path)[1]
    stories = list(islice(made._stories("tiny-ferry", 0, np.random.default_rng(0)), len(problems)))
    assert {one.task.problem.name for one in stories} == {"p1", "p2", "p3"}
    for one in stories:
        assert one.goal == one.task.goal and one.run().valid


def test_problems_without_a_hidden_failure_say_so(tmp_path: Path) -> None:
    (tmp_path / "domain.pddl").write_text(
        """(define (domain lamp) (:predicates (lit ?x)) (:action toggle :parameters (?x)
        :precondition (lit ?x) :effect (not (lit ?x))))"""
    )
    (tmp_path / "p.pddl").write_text(
        "(define (problem p) (:domain lamp) (:objects a) (:init (lit a)) (:goal (not (lit a))))"
    )
    for count in (2, PAIRS_PER_SHARD):
        with pytest.raises(DataError, match="no twin"):
            source(pddl=tmp_path).make(Shard("lamp", 0, count))


def test_more_objects_than_any_problem_has_are_refused() -> None:
    with pytest.raises(DataError, match="min_objects = 99"):
        source(domains=("blocksworld",), min_objects=99).make(Shard("blocksworld", 0, 1))
