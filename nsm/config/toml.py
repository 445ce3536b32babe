"""Writing TOML, and finding the line of a key in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

__all__ = ["key_line", "to_toml"]

_HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_ASSIGNMENT = re.compile(rf"^\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=")


def to_toml(tables: Mapping[str, object]) -> str:
    """Writes nested mappings of text, numbers, truth values and lists; None is left out.

    Raises:
        TypeError: For a value that TOML cannot hold.

    Example:
        >>> print(to_toml({"epochs": 3, "planning": {"domains": ["ferry"], "pddl": None}}))
        epochs = 3
        <BLANKLINE>
        [planning]
        domains = ["ferry"]
        <BLANKLINE>
    """
    return "\n\n".join(_table_lines((), tables)) + "\n"


def _table_lines(path: tuple[str, ...], table: Mapping[str, object]) -> list[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items() if value is not None]
    if path:
        lines.insert(0, f"[{'.'.join(map(_key, path))}]")
    blocks = ["\n".join(lines)] if lines else []
    for key, value in table.items():
        if isinstance(value, Mapping):
            blocks += _table_lines((*path, key), value)
    return blocks


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _text(value: str) -> str:
    # JSON's escapes are TOML's, but TOML wants the sign "delete" escaped as well
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_value, value))}]"
    raise TypeError(f"TOML has no place for {value!r}")


def key_line(text: str, path: Sequence[str]) -> int | None:
    r"""The line, counted from 1, where a TOML text sets ``path``, else its table; None without either.

    Example:
        >>> key_line("seed = 1\n[planning]\ngraphs = 3\n", ["planning", "graphs"])
        3
    """
    wanted = tuple(path)
    table: tuple[str, ...] = ()
    best, best_length = None, 0
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            found = table = _split(header[1])
        elif assignment := _ASSIGNMENT.match(line):
            found = table + _split(assignment[1])
        else:
            continue
        if len(found) > best_length and found == wanted[: len(found)]:
            best, best_length = number, len(found)
    return best


def _split(dotted: str) -> tuple[str, ...]:
    parts = re.findall(_KEY, dotted)
    return tuple(part.strip("\"'") for part in parts)
