"""The user's own planning domain: its problems, and working plans from files or from a planner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from nsm.data.planning.execution import Execution
from nsm.data.planning.grounding import GroundTask
from nsm.data.planning.pddl import load_folder
from nsm.data.planning.planfiles import find_plans, read_plan, read_plans
from nsm.data.planning.strips import Problem, Step
from nsm.data.planning.swaps import Story
from nsm.errors import DataError

PLANNER_SECONDS = 10.0  # for each problem; those that take longer are left out
MAX_TASKS = 256  # grounded problems kept in memory


class UserProblems:
    """A folder of PDDL, read once.

    Args:
        folder: Folder with ``domain.pddl`` and problems.
        plans: Folder with plan files; ``folder`` itself if None.
        plan_source: ``files`` or ``planner``, for :attr:`stories`.

    Raises:
        DataError: If a file is missing or malformed.
    """

    def __init__(self, folder: Path, plans: Path | None = None, plan_source: str = "files") -> None:
        self.folder, self.plans, self.plan_source = Path(folder), Path(plans or folder), plan_source
        self.domain, self.problems = load_folder(folder)
        self._tasks: dict[int, GroundTask] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs: what was read, not what was worked out from it."""
        return {**{k: v for k, v in vars(self).items() if k != "stories"}, "_tasks": {}}

    def task(self, number: int) -> GroundTask:
        """One problem with numbered facts."""
        if number not in self._tasks:
            if len(self._tasks) >= MAX_TASKS:
                self._tasks.clear()
            self._tasks[number] = GroundTask(self.domain, self.problems[number])
        return self._tasks[number]

    @cached_property
    def stories(self) -> list[Story]:
        """Working plans for the problems' own goals.

        Raises:
            DataError: If there is none, or a plan from a file does not work.
        """
        found = [self._story(*known) for known in self._plans()]
        stories = [story for story in found if story.plan]
        if not stories:
            raise DataError("no plan for any problem", file=self.folder, hint="see planning.plans and plan_source")
        return stories

    def _story(self, number: int, steps: Sequence[Step], file: Path) -> Story:
        task = self.task(number)
        story = Story(task, task.init, tuple(task.plan(steps)), task.goal, task.goal_not)
        execution = story.run()
        if not execution.valid:
            raise DataError(_failure(story, execution), file=file, hint="give plans that reach the problem's goal")
        return story

    def _plans(self) -> Iterator[tuple[int, Sequence[Step], Path]]:
        if self.plan_source == "planner":
            yield from self._planned()
            return
        read_plans(self.plans, self.domain, self.problems)  # says so where no file matches any problem
        for number, problem in enumerate(self.problems):
            for path in find_plans(self.plans, problem):
                yield number, read_plan(path, self.domain, problem), path

    def _planned(self) -> Iterator[tuple[int, Sequence[Step], Path]]:
        from nsm.data.planning.planner import solve_all

        solved = solve_all(self.domain, self.problems, PLANNER_SECONDS)
        for number, (problem, steps) in enumerate(zip(self.problems, solved, strict=True)):
            if steps is not None:
                yield number, steps, _file(problem)


def _file(problem: Problem) -> Path:
    return Path(problem.file or problem.name)


def _failure(story: Story, execution: Execution) -> str:
    """Where a plan fails, and over which facts."""
    unmet = ", ".join(str(story.task.facts[fact]) for fact in execution.unmet)
    unwanted = ", ".join(str(story.task.facts[fact]) for fact in execution.violated)
    why = "; ".join([f"{unmet} does not hold"] * bool(unmet) + [f"{unwanted} holds"] * bool(unwanted))
    failed = execution.failed_step or 0
    if failed == len(story.plan):
        return f"the plan does not reach the goal of problem {story.task.problem.name!r}: {why}"
    return f"step {failed + 1} of {len(story.plan)}, {story.plan[failed]}, cannot be taken: {why}"
