"""Reads plans from files: one ``(action object ..)`` a line, as planners and competitions write them.

Comments begin with a semicolon; a time stamp before a step (``0:`` or ``0.001:``) and a duration after it
(``[1.000]``) are passed over. The plans of ``p01.pddl`` are the files ``p01.plan``, ``p01.soln``,
``p01.1.plan`` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from nsm.data.planning.strips import Domain, Problem, Step
from nsm.errors import DataError

SUFFIXES = (".plan", ".soln", ".sol", ".solution")
_STEP = re.compile(r"(?:\d+(?:\.\d+)?\s*:\s*)?\(\s*([^()]+?)\s*\)\s*(?:\[\s*[\d.]+\s*\])?")


def find_plans(folder: str | Path, problem: Problem) -> list[Path]:
    """The plan files of a problem in a folder, sorted by name: those whose stem is the problem file's.

    Raises:
        DataError: If the folder does not exist.
    """
    folder = Path(folder)
    if not folder.is_dir():
        message = "the folder does not exist" if not folder.exists() else "expected a folder, came a file"
        raise DataError(message, file=folder, hint="expected plan files such as p01.plan in a folder")
    stem = Path(problem.file).stem if problem.file else problem.name
    pattern = re.compile(rf"{re.escape(stem)}(?:\.\d+)?(?:{'|'.join(map(re.escape, SUFFIXES))})(?:\.\d+)?")
    return sorted(file for file in folder.iterdir() if pattern.fullmatch(file.name) and file.is_file())


def read_plan(path: str | Path, domain: Domain, problem: Problem) -> list[Step]:
    """Reads a plan and checks each step's action, arity, objects and types (not whether it can be taken).

    Raises:
        DataError: If the file is missing or empty, or a step is wrong.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError("the plan file does not exist", file=path) from None
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 text: {error.reason} at byte {error.start}", file=path) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from None
    steps = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.partition(";")[0].strip().lower()
        if not content:
            continue
        match = _STEP.fullmatch(content)
        if match is None:
            hint = "one step a line, comments after ';'"
            raise DataError(f"expected (action object ..), came {content[:40]!r}", file=path, line=number, hint=hint)
        name, *args = match[1].split()
        steps.append(_checked(Step(name, tuple(args)), domain, problem, path, number))
    if not steps:
        raise DataError("the plan has no steps", file=path, hint="expected (action object ..), one a line")
    return steps


def read_plans(folder: str | Path, domain: Domain, problems: Sequence[Problem]) -> list[list[list[Step]]]:
    """The plans of each problem, in the order of ``problems`` (an empty list where there are none).

    Raises:
        DataError: If the folder is missing, holds no plan of any problem, or a plan is wrong.
    """
    found = [find_plans(folder, problem) for problem in problems]
    if not any(found):
        stem = Path(problems[0].file).stem if problems else "p01"
        hint = f"the plans of {stem}.pddl are called {stem}.plan, {stem}.soln or {stem}.1.plan"
        raise DataError("no plan file matches a problem file", file=folder, hint=hint)
    return [
        [read_plan(path, domain, problem) for path in paths] for paths, problem in zip(found, problems, strict=True)
    ]


def _checked(step: Step, domain: Domain, problem: Problem, path: Path, line: int) -> Step:
    operator = domain.operators.get(step.operator)
    if operator is None:
        hint = f"actions: {', '.join(domain.operators)}"
        raise DataError(f"unknown action {step.operator!r}", file=path, line=line, hint=hint)
    if len(step.args) != operator.arity:
        message = f"action {step.operator!r} takes {operator.arity} arguments, came {len(step.args)} in {step}"
        hint = f"declared: ({' '.join((operator.name, *(p.name for p in operator.parameters)))})"
        raise DataError(message, file=path, line=line, hint=hint)
    for parameter, arg in zip(operator.parameters, step.args, strict=True):
        kind = problem.objects.get(arg)
        if kind is None:
            hint = f"is it an object of {Path(problem.file).name or problem.name}?"
            raise DataError(f"unknown object {arg!r} in {step}", file=path, line=line, hint=hint)
        if not domain.is_subtype(kind, parameter.type):
            message = f"expected an object of type {parameter.type!r} as {parameter.name}"
            raise DataError(f"{message}, came {arg!r} of type {kind!r} in {step}", file=path, line=line)
    return step
