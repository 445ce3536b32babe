"""What the documents say exists: commands, options, keys, targets, files, links."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from nsm.cli.main import app
from nsm.config import Config, load_config

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("experiments/*.md")])
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def snippets(path: Path) -> list[str]:
    """The lines of shell blocks and the inline code of a document."""
    blocks = [code for language, code in BLOCK.findall(text(path)) if language in ("bash", "console")]
    lines = [line.removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return lines + re.findall(r"(?<!`)`([^`\n]+)`(?!`)", BLOCK.sub("", text(path)))


def uses(program: str) -> list[tuple[Path, list[str]]]:
    """Every place where a document calls a program, with its arguments."""
    found = []
    for path in DOCUMENTS:
        for snippet in snippets(path):
            words = shlex.split(snippet.replace("|", " | "), comments=True) if program in snippet else []
            if words[:1] == [program]:
                found.append((path, words[1:]))
    return found


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that some words name, and what follows its name."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"there is no command 'nsm {words[0]}'"
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize(("path", "words"), uses("nsm"), ids=lambda v: v.name if isinstance(v, Path) else " ".join(v))
def test_commands_and_options_exist(path: Path, words: list[str]) -> None:
    command, rest = command_of(words)
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {
        "--help"
    }
    for word in rest:
        if word.startswith("-"):
            assert word.split("=")[0] in options, f"{path.name}: '{command.name}' has no option {word}"
    load_config(None, [value for name, value in pairwise(rest) if name == "--set"])


def options_of(script: str) -> set[str]:
    """The options of a launch script, which Modal makes from the arguments of its entry."""
    tree = ast.parse(text(ROOT / script))
    (entry,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]
    return {f"--{argument.arg.replace('_', '-')}" for argument in entry.args.args}


@pytest.mark.parametrize(
    ("path", "words"),
    [(path, words) for path, words in uses("modal") if words[:1] == ["run"] and words[-1] != "run"],
    ids=lambda v: v.name if isinstance(v, Path) else " ".join(v),
)
def test_launch_scripts_and_their_options_exist(path: Path, words: list[str]) -> None:
    words = [word for word in words if word != "--detach"]
    assert (ROOT / words[1]).is_file(), path.name
    given = {word.partition("=")[0] for word in words[2:] if word.startswith("-")}
    assert given <= options_of(words[1]), path.name
    if "--set" in words:
        load_config(None, shlex.split(words[words.index("--set") + 1]))


@pytest.mark.parametrize(("path", "words"), uses("make"), ids=lambda v: v.name if isinstance(v, Path) else " ".join(v))
def test_make_targets_exist(path: Path, words: list[str]) -> None:
    assert {word for word in words if "=" not in word} <= TARGETS, path.name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_and_links_exist(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", text(path))
    missing = [link for link in links if not link.startswith("http") and not (path.parent / link).exists()]
    code = " ".join(snippets(path))
    named = re.findall(r"(?<![\w/<])(?:nsm|docs|tests|benchmarks|\.ci)/[\w./-]*\w", code)
    missing += [name for name in named if not (ROOT / name).exists()]
    assert not missing


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_nothing_is_left_open(path: Path) -> None:
    assert not re.search(r"\b(TODO|TBD|FIXME|XXX|coming soon|placeholder)\b", text(path), re.IGNORECASE)


def test_the_readme_begins_with_the_two_commands() -> None:
    calls = [words[0] for path, words in uses("make") if path.name == "README.md" and words]
    assert calls[:2] == ["demo", "test"]
    assert {"demo", "test"} <= TARGETS


def test_help_lists_every_target() -> None:
    assert set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE)) == TARGETS


def test_every_command_is_in_the_readme() -> None:
    commands: Any = typer.main.get_command(app)
    assert set(commands.commands) <= {words[0] for path, words in uses("nsm") if path.name == "README.md" and words}


def described(model: type[BaseModel]) -> dict[str, str]:
    """The meaning of each key, from the docstrings of a table and of what it builds on."""
    meanings: dict[str, str] = {}
    for part in reversed(model.__mro__):
        listed = re.search(r"Attributes:\n(.*?)(?=\n\s*\n|\Z)", part.__doc__ or "", re.DOTALL)
        entries = re.split(r"^ {8}(?=\w+:)", listed[1], flags=re.MULTILINE)[1:] if listed else []
        for entry in entries:
            key, _, meaning = entry.partition(":")
            plain = re.sub(r":\w+:`~?([\w.]+)`", r"`\1`", " ".join(meaning.split()))
            meanings[key] = plain.replace("``", "`")
    return meanings


def values(field: dict[str, Any]) -> str:
    """What a key may be, from its JSON schema."""
    if "anyOf" in field:
        return " or ".join(values(option) for option in field["anyOf"] if option.get("type") != "null")
    if "enum" in field or "const" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of: {values(field['items'])}"
    kinds = {"integer": "whole number", "number": "number", "boolean": "`true`, `false`", "string": "text"}
    kind = "path" if field.get("format") == "path" else kinds[field["type"]]
    words = {"exclusiveMinimum": "above", "minimum": "from", "maximum": "to", "exclusiveMaximum": "below"}
    return " ".join([kind, *(f"{word} {field[name]}" for name, word in words.items() if name in field)])


def rows(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """One line of the table per key, the tables of the domains last."""
    schema = model.model_json_schema()["properties"]
    meanings, nested = described(model), []
    for key, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            nested.append((field.annotation, f"{prefix}{key}."))
            continue
        default = "" if field.default is None else f"`{json.dumps(field.default)}`"
        yield f"| `{prefix}{key}` | {default} | {values(schema[key])} | {meanings[key]} |"
    for table, name in nested:
        yield from rows(table, name)


def test_the_table_of_keys_is_the_configuration() -> None:
    document = text(ROOT / "docs" / "configuration.md")
    expected = list(rows(Config))
    written = [line for line in document.splitlines() if line.startswith("| `")]
    assert written == expected, "expected these lines:\n" + "\n".join(expected)
