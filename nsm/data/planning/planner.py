"""Plans for a problem's own goal, by a planner of the unified-planning library (the optional extra).

The planner gets the grounded problem as propositions, with a complement for every negated fact, so that
planners which know only positive STRIPS, such as pyperplan, solve everything that this package reads.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from nsm.data.planning.grounding import GroundAction, GroundTask, fact_ids
from nsm.data.planning.strips import Domain, Problem, Step
from nsm.errors import DataError

START_SECONDS = 120.0  # the library alone takes seconds to import on a busy machine


def check_planner() -> None:
    """Raises unless the extra is installed.

    Raises:
        DataError: With the command that installs it.
    """
    missing = [name for name in ("unified_planning", "up_pyperplan") if find_spec(name) is None]
    if missing:
        hint = "pip install 'nsm[planner]', or: pip install unified-planning up-pyperplan"
        raise DataError(f"plans by a planner need {' and '.join(missing)}, not installed here", hint=hint)


def solve_all(domain: Domain, problems: Iterable[Problem], seconds: float = 30.0) -> Iterator[list[Step] | None]:
    """Plans each problem in turn, in a child process that is stopped when a problem takes too long.

    Args:
        domain: The domain.
        problems: The problems, whose own goals are planned for.
        seconds: The time for each problem.

    Yields:
        The plan, or None if there is none or it was not found in time.

    Raises:
        DataError: If the extra is not installed, or the planner dies on a problem.
    """
    check_planner()
    child = _Child()
    with closing(child):
        for problem in problems:
            yield child.solve(domain, problem, seconds)


def solve(domain: Domain, problem: Problem) -> list[Step] | None:
    """Plans one problem in this process, without a limit of time; None if there is no plan."""
    check_planner()
    from unified_planning.shortcuts import OneshotPlanner, get_environment

    get_environment().credits_stream = None
    task = GroundTask(domain, problem)
    if task.goal & ~task.init == 0 and task.goal_not & task.init == 0:
        return []
    with OneshotPlanner(name="pyperplan") as planner:
        result = planner.solve(_propositional(task))
    if result.plan is None:
        return None
    return [task.actions[int(step.action.name[1:])].step for step in result.plan.actions]


class _Child:
    """A process that plans; started when needed, and again after it was stopped."""

    def __init__(self) -> None:
        self.process: SpawnProcess | None = None
        self.connection: Connection | None = None

    def solve(self, domain: Domain, problem: Problem, seconds: float) -> list[Step] | None:
        connection = self.connection or self._start()
        place = problem.file or problem.name
        with self._alive(place):
            connection.send((domain, problem))
            if connection.poll(seconds):
                answer: list[Step] | None = connection.recv()
                return answer
        self.close()
        return None

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        with self._alive(None):
            if self.connection.poll(START_SECONDS):
                self.connection.recv()
                return self.connection
        self.close()
        raise DataError(f"the planner did not start within {START_SECONDS:.0f} s")

    @contextmanager
    def _alive(self, place: str | None) -> Iterator[None]:
        """Turns the child's death into an error that names the problem at hand."""
        try:
            yield
        except (EOFError, ConnectionError):
            process = self.process
            if process is not None:
                process.join()
            code = None if process is None else process.exitcode
            self.close()
            hint = "its own message is above; too little memory is a usual cause"
            raise DataError(f"the planner stopped with exit code {code}", file=place, hint=hint) from None


def _serve(connection: Connection) -> None:
    """The child: says that it is ready, then plans what comes until nobody listens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    import unified_planning.shortcuts  # noqa: F401

    connection.send(None)
    while True:
        try:
            domain, problem = connection.recv()
        except EOFError:
            return
        connection.send(solve(domain, problem))


def _propositional(task: GroundTask) -> Any:
    """The task in the library's terms: fact 7 is ``f7``, its complement ``n7``, action 3 ``a3``."""
    from unified_planning.shortcuts import Fluent, InstantaneousAction
    from unified_planning.shortcuts import Problem as UnifiedProblem

    actions = task.actions
    negated = {number for action in actions for number in action.needs_not} | set(fact_ids(task.goal_not))
    initial = {f"f{number}": bool(task.init >> number & 1) for number in range(len(task.facts))}
    initial |= {f"n{number}": not task.init >> number & 1 for number in sorted(negated)}
    fluents = {name: Fluent(name) for name in initial}
    unified = UnifiedProblem("task")
    for name, fluent in fluents.items():
        unified.add_fluent(fluent, default_initial_value=initial[name])
    for index, action in enumerate(actions):
        step = InstantaneousAction(f"a{index}")
        for name in _conditions(action.needs, action.needs_not):
            step.add_precondition(fluents[name])
        for name, holds in _effects(action, negated):
            step.add_effect(fluents[name], holds)
        unified.add_action(step)
    for name in _conditions(fact_ids(task.goal), fact_ids(task.goal_not)):
        unified.add_goal(fluents[name])
    return unified


def _conditions(needs: Sequence[int], needs_not: Sequence[int]) -> list[str]:
    return [*(f"f{number}" for number in needs), *(f"n{number}" for number in needs_not)]


def _effects(action: GroundAction, negated: set[int]) -> Iterator[tuple[str, bool]]:
    for facts, holds in ((action.deletes, False), (action.adds, True)):
        for number in facts:
            yield f"f{number}", holds
            if number in negated:
                yield f"n{number}", not holds
