"""Reading plans from files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nsm.data.planning.generators import ferry, load_builtin_domain
from nsm.data.planning.planfiles import find_plans, read_plan, read_plans
from nsm.data.planning.strips import Step
from nsm.errors import DataError

DOMAIN = load_builtin_domain("ferry")
PROBLEM = replace(ferry(np.random.default_rng(0)), file="somewhere/p01.pddl")
PLAN = """; found in no time
0: (SAIL ferry1 port1 port2) [1]

0.500: ( board car1 ferry1 port2 )   [1.000] ; all aboard
(debark car1 ferry1 port2)
; cost = 3 (unit cost)
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_plan(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "p01.plan").write_text(PLAN, encoding=encoding)
    assert read_plan(tmp_path / "p01.plan", DOMAIN, PROBLEM) == [
        Step("sail", ("ferry1", "port1", "port2")),
        Step("board", ("car1", "ferry1", "port2")),
        Step("debark", ("car1", "ferry1", "port2")),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("( board", "( bord", 4, "unknown action 'bord'"),
        ("(debark car1 ferry1 port2)", "(debark car1)", 5, "action 'debark' takes 3 arguments, came 1"),
        ("(debark car1", "(debark car99", 5, "unknown object 'car99' in (debark car99 ferry1 port2)"),
        (
            "(debark car1",
            "(debark port1",
            5,
            "expected an object of type 'car' as ?car, came 'port1' of type 'port'",
        ),
        (
            "(debark car1 ferry1 port2)",
            "debark car1 ferry1 port2",
            5,
            "expected (action object ..), came 'debark car1 ferry1 port2'",
        ),
        (
            "(debark car1 ferry1 port2)",
            "(sail ferry1 port1 port2) (sail ferry1 port2 port1)",
            5,
            "expected (action object ..)",
        ),
    ],
)
def test_errors_name_the_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in PLAN
    path = tmp_path / "p01.plan"
    path.write_text(PLAN.replace(old, new))
    with pytest.raises(DataError) as caught:
        read_plan(path, DOMAIN, PROBLEM)
    assert (caught.value.file, caught.value.line) == (str(path), line)
    assert words in caught.value.message


def test_unreadable_plans(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_plan(tmp_path / "none.plan", DOMAIN, PROBLEM)
    (tmp_path / "empty.plan").write_text("; nothing\n")
    with pytest.raises(DataError, match="the plan has no steps"):
        read_plan(tmp_path / "empty.plan", DOMAIN, PROBLEM)
    (tmp_path / "bytes.plan").write_bytes(b"\xff")
    with pytest.raises(DataError, match="not UTF-8"):
        read_plan(tmp_path / "bytes.plan", DOMAIN, PROBLEM)


def test_plans_belong_to_problems_by_name(tmp_path: Path) -> None:
    other = replace(PROBLEM, file="somewhere/p02.pddl")
    for name in (
        "p01.plan",
        "p01.soln",
        "p01.2.plan",
        "p01.plan.1",
        "p01-b.plan",
        "p011.plan",
        "p01.txt",
        "xp01.plan",
    ):
        (tmp_path / name).write_text("(sail ferry1 port1 port2)")
    assert [path.name for path in find_plans(tmp_path, PROBLEM)] == [
        "p01.2.plan",
        "p01.plan",
        "p01.plan.1",
        "p01.soln",
    ]
    plans = read_plans(tmp_path, DOMAIN, [other, PROBLEM])
    assert [len(found) for found in plans] == [0, 4]
    assert plans[1][0] == [Step("sail", ("ferry1", "port1", "port2"))]


def test_no_plan_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no plan file matches .*p01\.plan, p01\.soln"):
        read_plans(tmp_path, DOMAIN, [PROBLEM])
    with pytest.raises(DataError, match="the folder does not exist"):
        read_plans(tmp_path / "none", DOMAIN, [PROBLEM])
    (tmp_path / "file").write_text("(sail ferry1 port1 port2)")
    with pytest.raises(DataError, match="expected a folder, came a file"):
        read_plans(tmp_path / "file", DOMAIN, [PROBLEM])
