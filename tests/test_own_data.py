"""The page on own data: its examples are files that can be imported, with the output that it prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Command, nsm

__all__ = ["nsm"]

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "own_data.md").read_text(encoding="utf-8")
FILE = re.compile(r"^`([\w.]+)`[^\n]*:\n\n```(?:tsv|csv|json)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAM = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUN = re.compile(r"^```bash\nnsm (data import [^\n]*)\n```\n\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of the page, in a folder to work in."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILE.findall(PAGE):
        (tmp_path / name).write_text(text, encoding="utf-8")
    for program in PROGRAM.findall(PAGE):
        exec(compile(program, "own_data.md", "exec"), {})


def test_the_page_has_an_example_of_each_format() -> None:
    named = {Path(name).suffix for name in re.findall(r"[\w]+\.(?:tsv|csv|jsonl|parquet)\b", " ".join(imports()))}
    assert named == {".tsv", ".csv", ".jsonl", ".parquet"}
    assert len(RUN.findall(PAGE)) == 4


def imports() -> list[str]:
    return [command for command, _ in RUN.findall(PAGE)]


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize(("command", "printed"), RUN.findall(PAGE), ids=imports())
def test_the_examples_do_what_the_page_says(command: str, printed: str, nsm: Command) -> None:
    status, out, err = nsm(*shlex.split(command), "--quiet")
    assert (status, err) == (0, "")
    assert [line for line in out.splitlines() if line in printed.splitlines()] == printed.splitlines()
