"""Each row of the notebook's checklist names a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHECKLIST = ROOT / "experiments" / "NOTEBOOK_TEST_CHECKLIST.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def rows(text: str) -> list[str]:
    """The rows of its tables, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [line for line in lines if not re.fullmatch(r"[|\- ]+", line) and line != "| what holds | test |"]


def fault(row: str) -> str | None:
    """What is wrong with a row; None if it names tests that are there."""
    named = NAMED.findall(row)
    if not named:
        return "names no test"
    for file, name in named:
        path = ROOT / file
        functions = ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if path.is_file() else ()
        if not any(isinstance(node, ast.FunctionDef) and node.name == name for node in functions):
            return f"there is no {file}::{name}"
    return None


@pytest.mark.parametrize("row", rows(CHECKLIST.read_text(encoding="utf-8")))
def test_every_row_names_a_test_that_exists(row: str) -> None:
    assert fault(row) is None


def test_rows_without_one_are_found() -> None:
    assert fault("| it works | by eye |") == "names no test"
    assert fault("| it works | `tests/test_checklist.py::test_of_dreams` |") is not None
    assert fault("| it works | `tests/test_nowhere.py::test_it` |") is not None
    assert fault("| it works | `tests/test_checklist.py::test_rows_without_one_are_found` |") is None


def test_the_checklist_covers_every_section() -> None:
    numbers = {
        int(number)
        for row in rows(CHECKLIST.read_text(encoding="utf-8"))
        for number in re.findall(r"\d+", row.removeprefix("| ").partition(":")[0])
        if row.removeprefix("| ")[0].isdigit()
    }
    assert set(range(1, 12)) <= numbers
