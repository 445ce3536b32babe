"""The generated problems: well formed, varied, reproducible, solvable."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nsm.data.planning.checking import check_plan
from nsm.data.planning.generators import GENERATORS, generate, load_builtin_domain
from nsm.data.planning.grounding import GroundTask
from nsm.data.planning.planner import solve
from nsm.data.planning.strips import Atom, Domain, Problem
from nsm.errors import DataError

SEEDS = range(30)


def problems(name: str, scale: float = 1.0) -> list[Problem]:
    return [generate(name, np.random.default_rng(seed), scale) for seed in SEEDS]


def is_well_formed(domain: Domain, problem: Problem, atom: Atom) -> bool:
    types = domain.predicates[atom.predicate].types
    return len(types) == len(atom.args) and all(
        domain.is_subtype(problem.objects[arg], kind) for arg, kind in zip(atom.args, types, strict=True)
    )


@pytest.mark.parametrize("name", GENERATORS)
def test_problems_are_well_formed(name: str) -> None:
    domain = load_builtin_domain(name)
    assert domain.name == name
    for problem in problems(name):
        assert problem.domain == name
        assert all(is_well_formed(domain, problem, atom) for atom in (*problem.init, *problem.goal))
        assert len(set(problem.init)) == len(problem.init)
        assert len(problem.objects) >= 4
        assert not set(problem.goal) <= set(problem.init)
        assert GroundTask(domain, problem).applicable(GroundTask(domain, problem).init)


@pytest.mark.parametrize("name", GENERATORS)
def test_what_moves_can_be_exchanged(name: str) -> None:
    """The types whose objects come first in a changing fact have at least two objects each."""
    domain = load_builtin_domain(name)
    for problem in problems(name):
        counts = Counter(problem.objects.values())
        moving = {
            problem.objects[fact.args[0]] for fact in problem.init if fact.predicate in domain.fluents and fact.args
        }
        assert all(counts[kind] >= 2 for kind in moving)


@pytest.mark.parametrize("name", GENERATORS)
def test_seeds(name: str) -> None:
    assert problems(name) == problems(name)
    assert len({str(problem) for problem in problems(name)}) == len(SEEDS)


@pytest.mark.parametrize("name", GENERATORS)
def test_scale(name: str) -> None:
    size, double = (np.mean([len(p.objects) for p in problems(name, scale)]) for scale in (1.0, 2.0))
    assert 1.4 * size < double < 2.2 * size


@pytest.mark.parametrize("name", GENERATORS)
def test_every_operator_can_be_used(name: str) -> None:
    domain = load_builtin_domain(name)
    used = {action.name for problem in problems(name) for action in GroundTask(domain, problem).actions}
    assert used == set(domain.operators)


def test_unknown_domain() -> None:
    with pytest.raises(DataError, match=r"unknown domain 'chess' \(built in: blocksworld, gripper"):
        load_builtin_domain("chess")


@pytest.mark.needs_planner
@pytest.mark.parametrize("name", GENERATORS)
def test_problems_can_be_solved(name: str) -> None:
    domain = load_builtin_domain(name)
    for seed in range(4):
        problem = generate(name, np.random.default_rng(seed), 0.75)
        plan = solve(domain, problem)
        assert plan
        assert check_plan(domain, problem.objects, problem.init, problem.goal, plan)
