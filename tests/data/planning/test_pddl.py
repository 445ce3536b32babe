"""Reading domains, problems and folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsm.data.planning.pddl import load_domain, load_folder, load_problem, parse_domain
from nsm.errors import DataError
from tests.data.planning.depot import DOMAIN, PROBLEM


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "domain.pddl").write_text(DOMAIN)
    (tmp_path / "b.pddl").write_text(PROBLEM.replace("One", "b"))
    (tmp_path / "a.pddl").write_text(PROBLEM.replace("One", "a"))
    (tmp_path / "b.plan").write_text("(rest)")
    domain, problems = load_folder(tmp_path)
    assert domain == parse_domain(DOMAIN) == load_domain(tmp_path / "domain.pddl")
    assert [problem.name for problem in problems] == ["a", "b"]
    assert problems[1] == load_problem(tmp_path / "b.pddl", domain)
    assert problems[1].file == str(tmp_path / "b.pddl")


def nested(depth: int) -> dict[str, str]:
    """A domain and a problem with conjunctions inside of each other from line 3 on."""
    tree = f"{'(and ' * depth}(p){')' * depth}"
    action = f"(:action a :parameters () :precondition\n{tree} :effect (p))"
    return {
        "domain.pddl": f"(define (domain d) (:predicates (p))\n{action})",
        "one.pddl": f"(define (problem one) (:domain d) (:init)\n(:goal\n{tree}))",
    }


@pytest.mark.parametrize("name", ["domain.pddl", "one.pddl"])
def test_how_deep_parentheses_may_be_nested(tmp_path: Path, name: str) -> None:
    for file, text in nested(190).items():
        (tmp_path / file).write_text(text)
    domain, (problem,) = load_folder(tmp_path)
    assert domain.operators["a"].positive == problem.goal
    for depth in (3_000, 100_000):
        (tmp_path / name).write_text(nested(depth)[name])
        with pytest.raises(DataError, match="more than 200 parentheses inside of each other") as caught:
            load_folder(tmp_path)
        assert (caught.value.file, caught.value.line) == (str(tmp_path / name), 3)


def test_errors_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the folder does not exist"):
        load_folder(tmp_path / "none")
    with pytest.raises(DataError, match=r"domain\.pddl: the file does not exist"):
        load_folder(tmp_path)
    (tmp_path / "domain.pddl").write_text(DOMAIN)
    with pytest.raises(DataError, match="no problem files"):
        load_folder(tmp_path)
    with pytest.raises(DataError, match="expected a folder, came a file"):
        load_folder(tmp_path / "domain.pddl")


@pytest.mark.needs_shared
@pytest.mark.parametrize(
    ("name", "count", "operators"),
    [
        ("blocks", 35, 4),
        ("gripper", 20, 3),
        ("logistics00", 28, 6),
        ("visitall-opt11-strips", 20, 1),
    ],
)
def test_competition_folders(shared: Path, name: str, count: int, operators: int) -> None:
    domain, problems = load_folder(shared / "data/planning/ipc" / name)
    assert (len(problems), len(domain.operators)) == (count, operators)
    assert all(problem.goal and problem.init for problem in problems)


@pytest.mark.needs_shared
def test_competition_elevators(shared: Path) -> None:
    folder = shared / "data/planning/ipc/miconic"
    domain = load_domain(folder / "domain.pddl")
    problem = load_problem(folder / "s10-0.pddl", domain)
    assert len(problem.objects) == 30
    assert len(problem.goal) == 10
