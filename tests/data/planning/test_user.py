"""The user's own problems: read once, sent whole to other processes, wrong plans named with their file."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from nsm.data.planning.user import UserProblems
from nsm.errors import DataError
from tests.data.planning.test_source import folder

GOOD = "(board c1 p1)\n(sail p1 p2)\n(leave c1 p2)\n(board c2 p2)\n(sail p2 p1)\n(leave c2 p1)\n"


def problems(tmp_path: Path, **plans: str) -> UserProblems:
    folder(tmp_path)
    for name, plan in plans.items():
        (tmp_path / f"{name}.plan").write_text(plan)
    return UserProblems(tmp_path)


def test_plans_that_work_become_stories(tmp_path: Path) -> None:
    (story,) = problems(tmp_path, p1=GOOD).stories
    assert [str(action) for action in story.plan] == GOOD.split("\n")[:-1]
    assert story.goal == story.task.goal and story.run().valid


def test_a_step_that_cannot_be_taken_is_named_with_its_fact(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"step 1 of 6, \(board c1 p1\), cannot be taken: \(ferry-at p1\)") as caught:
        _ = problems(tmp_path, p2=GOOD).stories
    assert str(caught.value.file).endswith("p2.plan")


def test_a_plan_short_of_its_goal_is_named_with_the_unmet_fact(tmp_path: Path) -> None:
    short = "\n".join(GOOD.split("\n")[:3])
    with pytest.raises(DataError, match=r"does not reach the goal of problem 'p1': \(at c2 p1\) does not hold"):
        _ = problems(tmp_path, p1=short).stories


def test_no_plan_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no plan file"):
        _ = problems(tmp_path).stories


def test_another_process_gets_what_was_read_and_works_out_the_rest(tmp_path: Path) -> None:
    mine = problems(tmp_path, p1=GOOD)
    assert mine.stories and mine.task(0)
    theirs: UserProblems = pickle.loads(pickle.dumps(mine))
    assert theirs.domain == mine.domain and theirs.problems == mine.problems
    assert "stories" not in vars(theirs) and not theirs._tasks
    (tmp_path / "domain.pddl").unlink()  # what was read is not read again
    assert theirs.stories[0].run().valid
