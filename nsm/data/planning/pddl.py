"""Reads PDDL domains and problems: STRIPS with typing, negative preconditions, equality and constants.

Action costs are read and ignored. Whatever else PDDL can say (disjunctions, quantifiers, conditional effects,
numbers, time) is an error that names the file and the line, because half a meaning would make wrong labels.
"""

from __future__ import annotations

from pathlib import Path

from nsm.data.planning.domain_reader import DomainReader
from nsm.data.planning.problem_reader import ProblemReader
from nsm.data.planning.strips import Atom, Domain, Operator, Parameter, Predicate, Problem, Step
from nsm.data.planning.syntax import parse_source, read_source
from nsm.errors import DataError

__all__ = [
    "Atom",
    "Domain",
    "Operator",
    "Parameter",
    "Predicate",
    "Problem",
    "Step",
    "load_domain",
    "load_folder",
    "load_problem",
    "parse_domain",
    "parse_problem",
]


def load_domain(path: str | Path) -> Domain:
    """Reads a domain file.

    Raises:
        DataError: If it is missing, malformed, inconsistent or uses an unsupported part of PDDL.
    """
    return DomainReader(read_source(path, "domain")).read()


def load_problem(path: str | Path, domain: Domain) -> Problem:
    """Reads a problem file of ``domain``; raises like `load_domain`."""
    return ProblemReader(read_source(path, "problem"), domain).read()


def parse_domain(text: str, file: str = "<text>") -> Domain:
    """Like `load_domain`, for text; ``file`` is the name in errors."""
    return DomainReader(parse_source(text, "domain", file)).read()


def parse_problem(text: str, domain: Domain, file: str = "<text>") -> Problem:
    """Like `load_problem`, for text; ``file`` is the name in errors."""
    return ProblemReader(parse_source(text, "problem", file), domain).read()


def load_folder(folder: str | Path) -> tuple[Domain, list[Problem]]:
    """Reads ``domain.pddl`` and every other ``*.pddl`` of a folder as its problems, sorted by file name.

    Raises:
        DataError: If the folder, its domain or its problems are missing, or a file is wrong.
    """
    folder = Path(folder)
    if not folder.is_dir():
        message = "the folder does not exist" if not folder.exists() else "expected a folder, came a file"
        raise DataError(message, file=folder, hint="expected domain.pddl and problem files (*.pddl) in a folder")
    domain = load_domain(folder / "domain.pddl")
    files = sorted(file for file in folder.glob("*.pddl") if file.name != "domain.pddl")
    if not files:
        raise DataError("no problem files", file=folder, hint="expected *.pddl files beside domain.pddl")
    return domain, [load_problem(file, domain) for file in files]
