"""From the text of a PDDL file to a syntax tree with line numbers, by the grammar of the ``pddl`` package.

PDDL ignores case, and files in the wild order their sections freely; the grammar does neither. So the text is
lower-cased and cut into sections first, which are then put in the grammar's order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from nsm.errors import DataError

if TYPE_CHECKING:
    from lark import Lark, Tree
    from lark.exceptions import UnexpectedInput

SUPPORTED = (":strips", ":typing", ":negative-preconditions", ":equality", ":action-costs")
_ORDER = {
    "domain": ("domain", ":types", ":constants", ":predicates", ":action"),
    "problem": ("problem", ":domain", ":objects", ":init", ":goal"),
}
_REQUIRED = {"domain": ("domain", ":predicates"), "problem": ("problem", ":domain", ":init", ":goal")}
_ONE_TYPE = (":types", ":constants", ":objects")  # a parameter may have one of several types
_IGNORED = {"domain": (":requirements", ":functions"), "problem": (":requirements", ":metric", ":length")}
MAX_DEPTH = 200  # of parentheses: no plan or problem needs more, and Python's stack could not hold many more
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


@dataclass(frozen=True)
class Section:
    """One parenthesised part of the ``define`` form: its first word, its text and its first line."""

    key: str
    text: str
    line: int


@dataclass(frozen=True)
class Source:
    """A PDDL file: the syntax tree, and where its lines are in the file.

    Attributes:
        lines: The line in the file of each line of the parsed text, both counted from 1.
    """

    file: str
    tree: Tree[object]
    lines: tuple[int, ...]

    def error(self, message: str, line: int | None, hint: str | None = None) -> DataError:
        """An error that names this file; ``line`` is a line of the parsed text."""
        return DataError(message, file=self.file, line=None if line is None else self.lines[line - 1], hint=hint)


def read_source(path: str | Path, kind: str) -> Source:
    """Reads and parses a file; ``kind`` is ``domain`` or ``problem``.

    Raises:
        DataError: If the file is missing, is not text, or is not PDDL of that kind.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
    except FileNotFoundError:
        raise DataError("the file does not exist", file=path, hint=f"expected a PDDL {kind}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 text: {error.reason} at byte {error.start}", file=path) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=path) from None
    return parse_source(text, kind, str(path))


def parse_source(text: str, kind: str, file: str) -> Source:
    """Parses the text of a PDDL file; ``file`` is its name in errors."""
    sections = _order(_cut(text, kind, file), kind, file)
    pieces = [f"(define {sections[0].text}", *(section.text for section in sections[1:]), ")"]
    lines: list[int] = []
    for section in sections:
        lines.extend(range(section.line, section.line + section.text.count("\n") + 1))
    lines.append(lines[-1])
    return Source(file, _parse("\n".join(pieces), kind, file, lines), tuple(lines))


def _cut(text: str, kind: str, file: str) -> list[Section]:
    """Cuts ``(define (domain d) (:types ..) ..)`` into its sections."""
    text = re.sub(r";[^\n]*", lambda comment: " " * len(comment[0]), text.translate(_LOWER))
    head = re.match(r"\s*\(\s*define\b", text)
    if head is None:
        came, line = text.strip().partition("\n")[0][:20], _line(text, len(text) - len(text.lstrip()))
        raise DataError(f"expected (define ({kind} NAME) ..), came {came!r}", file=file, line=line)
    opened: list[int] = []
    sections: list[Section] = []
    end = head.end()
    for match in re.finditer(r"[()]", text):
        if len(opened) == 1 and (stray := text[end : match.start()].strip()):
            message, line = f"expected a section, came {stray[:20]!r}", _line(text, text.index(stray, end))
            raise DataError(message, file=file, line=line, hint="a section is (:word ..)")
        if match[0] == "(":
            if len(opened) > 1 and text.startswith(":", match.end()):  # a section inside of another one
                raise _unclosed(text, opened[-1], file)
            opened.append(match.start())
            if len(opened) > MAX_DEPTH:
                message, line = f"more than {MAX_DEPTH} parentheses inside of each other", _line(text, match.start())
                raise DataError(message, file=file, line=line, hint="one conjunction can take the place of many")
            continue
        start = opened.pop()
        if len(opened) == 1:
            end = match.end()
            body = text[start:end]
            key = re.match(r"\(\s*([^\s()]*)", body)
            sections.append(Section(key[1] if key else "", body, _line(text, start)))
        elif not opened and (rest := text[match.end() :].strip()):
            message, line = f"expected the end of the file, came {rest[:20]!r}", _line(text, text.rindex(rest))
            raise DataError(message, file=file, line=line, hint="a ')' above it may be one too many")
    if opened:
        raise _unclosed(text, opened[-1], file)
    if not sections or sections[0].key != kind:
        came, line = (f"({sections[0].key} ..)", sections[0].line) if sections else ("nothing", 1)
        raise DataError(f"expected (define ({kind} NAME) ..), came {came}", file=file, line=line)
    return sections


def _line(text: str, place: int) -> int:
    """The line of a place in a text, counted from 1."""
    return text.count("\n", 0, place) + 1


def _unclosed(text: str, start: int, file: str) -> DataError:
    """The error of a parenthesis without its other half."""
    word = re.match(r"\(\s*[^\s()]*", text[start:])
    assert word is not None
    message = f"this {word[0]!r} is never closed"
    return DataError(message, file=file, line=_line(text, start), hint="add the missing ')'")


def _order(sections: list[Section], kind: str, file: str) -> list[Section]:
    """Checks which sections there are, drops those without a meaning here, and orders the rest."""
    found: dict[str, list[Section]] = {key: [] for key in _ORDER[kind]}
    for section in sections:
        if section.key == ":requirements":
            _check_requirements(section, file)
        elif section.key in _IGNORED[kind]:
            continue
        elif section.key not in found:
            expected = ", ".join(key for key in _ORDER[kind] if key.startswith(":"))
            hint = f"supported sections: {expected}"
            raise DataError(f"unsupported section {section.key!r}", file=file, line=section.line, hint=hint)
        elif found[section.key] and section.key != ":action":
            first = found[section.key][0].line
            raise DataError(f"a second {section.key} (the first is on line {first})", file=file, line=section.line)
        elif section.key in _ONE_TYPE and (either := re.search(r"\(\s*either\b", section.text)):
            line = section.line + section.text.count("\n", 0, either.start())
            raise DataError(f"unsupported (either ..) in {section.key}", file=file, line=line, hint="give one type")
        elif not re.fullmatch(r"\(\s*:(?:predicates|objects|types|constants)\s*\)", section.text):
            found[section.key].append(section)
    present = {section.key for section in sections}
    for key in _REQUIRED[kind]:
        if key not in present:
            raise DataError(f"the {kind} has no ({key} ..)", file=file, line=1, hint="every file needs one")
    return [section for key in _ORDER[kind] for section in found[key]]


def _check_requirements(section: Section, file: str) -> None:
    for match in re.finditer(r":[^\s()]+", section.text):
        if match[0] not in (":requirements", *SUPPORTED):
            line = section.line + section.text.count("\n", 0, match.start())
            hint = f"supported: {' '.join(SUPPORTED)}"
            raise DataError(f"unsupported requirement {match[0]}", file=file, line=line, hint=hint)


@lru_cache
def _grammar(kind: str) -> Lark:
    from lark import Lark
    from pddl.parser import GRAMMAR_FILE, PARSERS_DIRECTORY

    return Lark(
        Path(GRAMMAR_FILE).read_text(encoding="utf-8"),
        parser="lalr",
        start=kind,
        import_paths=[str(PARSERS_DIRECTORY)],
        maybe_placeholders=False,
    )


def _parse(text: str, kind: str, file: str, lines: list[int]) -> Tree[object]:
    from lark.exceptions import UnexpectedInput

    try:
        return _grammar(kind).parse(text)  # type: ignore[return-value]
    except UnexpectedInput as error:
        line = lines[min(error.line, len(lines)) - 1] if error.line > 0 else lines[-1]
        raise DataError(f"syntax error: {_describe(error, kind)}", file=file, line=line) from None


def _describe(error: UnexpectedInput, kind: str) -> str:
    """Says what was expected and what came, in the words of the file."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    expected: set[str] = set()
    came = "something else"
    if isinstance(error, UnexpectedToken):
        expected, came = set(error.accepts or error.expected), repr(str(error.token))
    elif isinstance(error, UnexpectedCharacters):
        expected, came = set(error.allowed or ()), repr(error.char)
    known = {terminal.name: terminal.pattern for terminal in _grammar(kind).terminals}
    words = sorted(
        "a name" if name == "NAME" else repr(known[name].value) if name in known else name.lower() for name in expected
    )
    return f"expected {' or '.join(words[:8]) or 'something else'}, came {came}"
