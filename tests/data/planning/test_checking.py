"""The lifted checker, step by step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from nsm.data.planning.checking import Verdict, check_plan
from nsm.data.planning.pddl import parse_domain, parse_problem
from nsm.data.planning.strips import Atom, Step

DOMAIN = parse_domain("""
(define (domain ports)
  (:types place ship - object tug - ship)
  (:constants home - place)
  (:predicates (at ?s - ship ?p - place) (storm ?p - place))
  (:action sail
    :parameters (?s - ship ?from ?to - place)
    :precondition (and (at ?s ?from) (not (= ?from ?to)) (not (storm ?to)))
    :effect (and (at ?s ?to) (not (at ?s ?from))))
  (:action rest
    :parameters (?s - (either tug ship) ?p - place)
    :precondition (and (at ?s ?p) (= ?p home))
    :effect (and (not (at ?s ?p)) (at ?s ?p)))
  (:action pull
    :parameters (?t - tug ?p - place)
    :precondition (at ?t ?p)
    :effect (storm ?p)))
""")
PROBLEM = parse_problem(
    """
(define (problem p) (:domain ports)
  (:objects a b - place s - ship t - tug)
  (:init (at s home) (at t a) (storm b))
  (:goal (at s a)))
""",
    DOMAIN,
)


def judge(*steps: str, goal_not: Sequence[Atom] = ()) -> Verdict:
    plan = [Step(name, tuple(args)) for name, *args in map(str.split, steps)]
    return check_plan(DOMAIN, PROBLEM.objects, PROBLEM.init, PROBLEM.goal, plan, goal_not)


def test_valid() -> None:
    verdict = judge("rest s home", "pull t a", "sail t a home", "sail t home a")
    assert verdict == Verdict(False, 3), "a storm keeps the tug out"
    assert judge("rest s home", "sail s home a")
    assert judge("rest s home", "sail s home a") == Verdict(True)


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("sail s a home", "not there"),
        ("sail s home home", "two places are wanted"),
        ("sail s home b", "a storm"),
        ("rest t a", "home is wanted"),
        ("pull s home", "a tug is wanted"),
        ("sail s home s", "a place is wanted"),
        ("sail s home c", "no such object"),
        ("sail s home", "an argument is missing"),
        ("sink s", "no such action"),
    ],
)
def test_impossible_step(step: str, why: str) -> None:
    assert judge("rest s home", step, "sail s home a") == Verdict(False, 1), why


def test_goal() -> None:
    assert judge("rest s home") == Verdict(False, 1)
    assert judge("sail s home a", goal_not=[Atom("at", ("t", "a"))]) == Verdict(False, 1)
    assert judge("sail s home a", goal_not=[Atom("at", ("t", "b"))])


def test_truth_value() -> None:
    assert bool(Verdict(True))
    assert not Verdict(False, 0)


@pytest.fixture
def validators(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "benchmarks")
    return import_module("validators")


@pytest.mark.needs_planner
def test_three_judges_agree(validators: ModuleType) -> None:
    """Executor, checker and unified-planning's validator, on 100 plans of five domains."""
    agreement = validators.compare(validators.cases(100, seed=1))
    assert agreement.disagreements == []
    assert {row["plans"] for row in agreement.rows.values()} == {20}
    assert all(5 <= row["valid"] <= 15 for row in agreement.rows.values())
    assert agreement.plans == 100


@pytest.mark.needs_planner
def test_disagreement_is_an_error(
    validators: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(validators, "_checker", lambda _: lambda: 99)
    monkeypatch.setattr(validators, "executor_rate", lambda _: 1.0)
    assert validators.main(["--plans", "4", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["plans"] == len(report["disagreements"]) == 4
    assert report["executor_fast_enough"] is False
    assert validators.main(["--plans", "2"]) == 1
    assert "at least 20,000: NO" in capsys.readouterr().out
