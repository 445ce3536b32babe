"""Three judges of plans, one verdict: our executor, our lifted checker, and unified-planning's validator.

Run it with ``python benchmarks/validators.py``; ``--help`` lists the options. Half of the plans are random
walks with a goal that they reach, the other half are edits of them: two objects exchanged in the initial
state, in the rest of the plan or in the goal, or steps swapped, dropped, repeated or given another object.
Each judge must say the same about every plan, the failing step included. Exit status 1 if one does not.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nsm.data.planning.checking import check_plan
from nsm.data.planning.execution import execute
from nsm.data.planning.generators import GENERATORS, generate, load_builtin_domain
from nsm.data.planning.grounding import GroundTask, fact_mask
from nsm.data.planning.planner import check_planner
from nsm.data.planning.strips import Atom, Domain, Problem, Step
from nsm.data.planning.walks import choose_goal, random_walk
from nsm.errors import DataError
from timing import circumstances, listed

WANTED_RATE = 20_000  # plans a second, on blocksworld plans of 20 steps


@dataclass(frozen=True)
class Case:
    """A plan to judge, for the goal of its problem."""

    domain: Domain
    problem: Problem
    steps: tuple[Step, ...]


@dataclass
class Agreement:
    """What the judges said.

    Attributes:
        rows: Per domain, the numbers of plans, of valid ones, and of plans on which all judges agree.
        seconds: The processor time of each judge, the preparation (grounding, building the library's problem)
            not counted.
        disagreements: The cases on which they do not agree, in words.
    """

    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    disagreements: list[str] = field(default_factory=list)

    @property
    def plans(self) -> int:
        """The number of plans judged."""
        return sum(row["plans"] for row in self.rows.values())


def cases(count: int, seed: int) -> list[Case]:
    """Draws ``count`` plans, in turn from each domain, valid ones and edited ones by turns."""
    rng = np.random.default_rng(seed)
    found: list[Case] = []
    while len(found) < count:
        name = tuple(GENERATORS)[len(found) // 2 % len(GENERATORS)]
        case = _valid_case(name, rng, int(rng.integers(8, 25)))
        found += [case, _edited(case, rng)]
    return found[:count]


def compare(plans: Sequence[Case]) -> Agreement:
    """Has every plan judged three times."""
    agreement = Agreement(seconds=dict.fromkeys(("executor", "checker", "unified_planning"), 0.0))
    for number, case in enumerate(plans):
        verdicts = {
            name: _timed(agreement.seconds, name, prepare(case))
            for name, prepare in (
                ("executor", _executor),
                ("checker", _checker),
                ("unified_planning", _unified_planning),
            )
        }
        row = agreement.rows.setdefault(case.domain.name, {"plans": 0, "valid": 0, "agree": 0})
        row["plans"] += 1
        row["valid"] += verdicts["executor"] is None
        row["agree"] += len(set(verdicts.values())) == 1
        if len(set(verdicts.values())) != 1:
            agreement.disagreements.append(f"plan {number} of {case.domain.name}: failing step {verdicts}")
    return agreement


def executor_rate(seed: int, rounds: int = 7) -> float:
    """Plans a second of processor time: 400 blocksworld plans of 20 steps, half edited; the best round."""
    rng = np.random.default_rng(seed)
    runs = []
    while len(runs) < 400:
        case = _valid_case("blocksworld", rng, 20)
        for one in (case, _edited(case, rng)):
            task = GroundTask(one.domain, one.problem)
            runs.append((task.init, task.plan(one.steps), task.goal))
    best = float("inf")
    for _ in range(rounds):
        begin = time.process_time()
        for state, plan, goal in runs:
            execute(state, plan, goal)
        best = min(best, time.process_time() - begin)
    return len(runs) / best


def _valid_case(name: str, rng: np.random.Generator, length: int) -> Case:
    domain = load_builtin_domain(name)
    while True:
        problem = generate(name, rng)
        task = GroundTask(domain, problem)
        plan = random_walk(task, rng, length)
        goal = None if plan is None else choose_goal(task, plan, rng)
        if plan is not None and goal is not None:
            problem = replace(problem, goal=task.atoms(fact_mask(goal)))
            return Case(domain, problem, tuple(action.step for action in plan))


def _edited(case: Case, rng: np.random.Generator) -> Case:
    """Draws an edit that changes something; the plan may still work."""
    while True:
        edit = EDITS[int(rng.integers(len(EDITS)))]
        edited = edit(case, rng)
        if edited != case:
            return edited


def _swap_objects(case: Case, rng: np.random.Generator) -> Case:
    """Exchanges two objects of one type in the initial state, the goal, or the plan from some step on."""
    kinds = case.problem.objects
    names = [name for name in kinds if sum(kind == kinds[name] for kind in kinds.values()) > 1]
    one = names[int(rng.integers(len(names)))]
    others = [name for name in names if kinds[name] == kinds[one] and name != one]
    other = others[int(rng.integers(len(others)))]
    exchange = {one: other, other: one}

    def swapped(args: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(exchange.get(arg, arg) for arg in args)

    place, start = int(rng.integers(3)), int(rng.integers(len(case.steps)))
    if place == 0:
        init = tuple(Atom(atom.predicate, swapped(atom.args)) for atom in case.problem.init)
        return replace(case, problem=replace(case.problem, init=init))
    if place == 1:
        goal = tuple(Atom(atom.predicate, swapped(atom.args)) for atom in case.problem.goal)
        return replace(case, problem=replace(case.problem, goal=goal))
    rest = (Step(step.operator, swapped(step.args)) for step in case.steps[start:])
    return replace(case, steps=(*case.steps[:start], *rest))


def _swap_steps(case: Case, rng: np.random.Generator) -> Case:
    steps = list(case.steps)
    first, second = (int(place) for place in rng.choice(len(steps), size=2, replace=False))
    steps[first], steps[second] = steps[second], steps[first]
    return replace(case, steps=tuple(steps))


def _drop_step(case: Case, rng: np.random.Generator) -> Case:
    place = int(rng.integers(len(case.steps)))
    return replace(case, steps=case.steps[:place] + case.steps[place + 1 :])


def _repeat_step(case: Case, rng: np.random.Generator) -> Case:
    place = int(rng.integers(len(case.steps)))
    return replace(case, steps=case.steps[: place + 1] + case.steps[place:])


def _substitute(case: Case, rng: np.random.Generator) -> Case:
    """Gives one argument of one step another object of a fitting type."""
    place = int(rng.integers(len(case.steps)))
    step = case.steps[place]
    slot = int(rng.integers(len(step.args))) if step.args else None
    if slot is None:
        return case
    wanted = case.domain.operators[step.operator].parameters[slot].type
    fitting = [name for name, kind in case.problem.objects.items() if case.domain.is_subtype(kind, wanted)]
    args = (*step.args[:slot], fitting[int(rng.integers(len(fitting)))], *step.args[slot + 1 :])
    return replace(case, steps=(*case.steps[:place], Step(step.operator, args), *case.steps[place + 1 :]))


EDITS = (_swap_objects, _swap_objects, _swap_steps, _drop_step, _repeat_step, _substitute)

Judge = Callable[[], int | None]  # the failing step, or None


def _timed(seconds: dict[str, float], name: str, judge: Judge) -> int | None:
    begin = time.process_time()
    verdict = judge()
    seconds[name] += time.process_time() - begin
    return verdict


def _executor(case: Case) -> Judge:
    task = GroundTask(case.domain, case.problem)
    plan = task.plan(case.steps)
    return lambda: execute(task.init, plan, task.goal, task.goal_not).failed_step


def _checker(case: Case) -> Judge:
    problem = case.problem

    def judge() -> int | None:
        verdict = check_plan(case.domain, problem.objects, problem.init, problem.goal, case.steps, problem.goal_not)
        return verdict.failed_step

    return judge


def _unified_planning(case: Case) -> Judge:
    from unified_planning.engines import SequentialPlanValidator, ValidationResultStatus

    from unified import unified_plan, unified_problem

    problem = unified_problem(case.domain, case.problem)
    plan = unified_plan(problem, case.steps)
    validator = SequentialPlanValidator()

    def judge() -> int | None:
        result = validator.validate(problem, plan)
        return None if result.status == ValidationResultStatus.VALID else len(result.trace) - 1

    return judge


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the comparison; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plans", type=int, default=500, help="how many plans to judge (default: 500)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the plans (default: 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of the tables")
    options = parser.parse_args(arguments)
    try:
        check_planner()
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    agreement = compare(cases(options.plans, options.seed))
    rates = {name: agreement.plans / seconds for name, seconds in agreement.seconds.items()}
    rate = executor_rate(options.seed)
    report = {
        "about": circumstances(["unified-planning", "numpy"], seed=options.seed),
        "plans": agreement.plans,
        "domains": agreement.rows,
        "disagreements": agreement.disagreements,
        "plans_per_second": rates,
        "executor_20_steps": rate,
        "executor_wanted": WANTED_RATE,
        "executor_fast_enough": rate >= WANTED_RATE,
    }
    print(json.dumps(report, indent=2) if options.json else _table(report))
    return 1 if agreement.disagreements else 0


def _table(report: Mapping[str, Any]) -> str:
    lines = [*listed(report["about"]), "", f"{'domain':<14}{'plans':>8}{'valid':>8}{'agree':>8}"]
    for name, row in report["domains"].items():
        lines.append(f"{name:<14}{row['plans']:>8}{row['valid']:>8}{row['agree']:>8}")
    rates = report["plans_per_second"]
    lines += ["", f"{'judge':<18}{'plans/s':>12}{'executor, times as fast':>26}"]
    lines += [f"{name:<18}{rate:>12,.0f}{rates['executor'] / rate:>26,.1f}" for name, rate in rates.items()]
    verdict = "yes" if report["executor_fast_enough"] else "NO"
    wanted, rate = report["executor_wanted"], report["executor_20_steps"]
    lines += [
        "",
        f"executor on blocksworld plans of 20 steps: {rate:,.0f} plans/s; at least {wanted:,}: {verdict}",
    ]
    lines += report["disagreements"] or [f"all judges agree on all {report['plans']} plans"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
