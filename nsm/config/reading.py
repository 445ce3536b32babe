"""From files, ``key=value`` pairs and keywords to a configuration, with errors that say where."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from nsm.config.settings import ALIASES, Config
from nsm.config.toml import key_line
from nsm.errors import ConfigError

__all__ = ["PROVENANCE", "load_config"]

PROVENANCE = "provenance"
"""The table of a run's ``config.toml`` that tells how it came about; not a setting, so skipped when read."""

BEFORE = {"average_share": 0.0}
"""What runs did whose ``config.toml`` lacks these keys, since there were none."""

Values = dict[str, Any]


@dataclass(frozen=True)
class _Layer:
    """One source of values; later layers win.

    Attributes:
        said: How an error names the source, such as ``--set epochs=x``; empty for a file.
        text: The text of the file, to find lines in.
        aliases: For keys that were written by a short name: that name.
    """

    values: Values
    said: str = ""
    file: Path | None = None
    text: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)

    def error(self, message: str, path: Sequence[str] = (), hint: str | None = None) -> ConfigError:
        line = key_line(self.text, path) if self.file is not None and path else None
        message += f", in {self.said}" if self.said else ""
        return ConfigError(message, file=self.file, line=line, hint=hint)


def load_config(file: Path | None = None, overrides: Sequence[str] = (), **keywords: object) -> Config:
    """Builds the configuration: defaults, then the file, then ``overrides``, then keywords.

    Args:
        file: A TOML file; a run's ``config.toml`` is one.
        overrides: Pairs ``key=value``, a key inside a table written ``table.key``.
        **keywords: Values by key, a table as a dictionary; None means not given.

    Raises:
        ConfigError: Naming the key, what was expected and what came, and the file and line where it stands.

    Example:
        >>> load_config(None, ["epochs=3", "planning.graphs=400"], seed=1).planning.graphs
        400
    """
    layers = [] if file is None else [_read_file(file)]
    layers += [_read_override(pair) for pair in overrides]
    layers.append(_Layer(_without_none(keywords)))
    layers = [_without_aliases(layer) for layer in layers]
    merged: Values = {}
    for layer in layers:
        _merge(merged, layer.values)
    try:
        return Config.model_validate(_lists_to_tuples(merged))
    except ValidationError as failure:
        raise _explain(_first(failure.errors()), layers) from None


def _read_file(file: Path) -> _Layer:
    try:
        text = file.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
    except OSError as failure:
        raise ConfigError(f"cannot read the configuration: {failure.strerror}", file=file) from failure
    except UnicodeDecodeError as failure:
        raise ConfigError("expected a text file in UTF-8", file=file) from failure
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as failure:
        place = re.search(r"\(at line (\d+), column \d+\)", str(failure))
        line = int(place[1]) if place else len(text.splitlines())
        message = str(failure).split(" (at ")[0]
        raise ConfigError(f"expected TOML: {message}", file=file, line=line) from failure
    except RecursionError:
        raise ConfigError("expected TOML: its lists are nested too deep", file=file) from None
    is_of_run = values.pop(PROVENANCE, None) is not None
    return _Layer({**BEFORE, **values} if is_of_run else values, file=file, text=text)


def _read_override(pair: str) -> _Layer:
    key, sign, raw = pair.partition("=")
    path = key.strip().split(".")
    if not sign or not all(path):
        raise ConfigError(f"expected key=value, got {pair!r}", hint="for instance --set epochs=10")
    value: Any = _parse(raw.strip(), _annotation(path))
    for part in reversed(path):
        value = {part: value}
    return _Layer(value, said=f"--set {pair}")


def _annotation(path: Sequence[str]) -> object:
    """The type that is declared for a key; None for an unknown one."""
    model: object = Config
    for key in path:
        fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
        key = ALIASES.get(key, key)
        if key not in fields:
            return None
        model = fields[key].annotation
    return model


def _parse(raw: str, annotation: object) -> object:
    """Reads the value of an override as TOML would, but text needs no quotes and a list no brackets."""
    try:
        value = tomllib.loads(f"value = {raw}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        value = raw
    kinds = _alternatives(annotation)
    lists = [kind for kind in kinds if get_origin(kind) is tuple]
    if isinstance(value, str) and lists and ("," in value or len(lists) == len(kinds)):
        return [_parse(part.strip(), get_args(lists[0])[0]) for part in value.split(",")]
    is_text = not {str, Path}.isdisjoint(kinds)
    return raw if is_text and not isinstance(value, str) else value


def _alternatives(annotation: object) -> set[object]:
    """The plain types of a union whose members may be annotated."""
    if get_origin(annotation) in (UnionType, Union):
        return set().union(*map(_alternatives, get_args(annotation)))
    return _alternatives(get_args(annotation)[0]) if get_origin(annotation) is Annotated else {annotation}


def _without_none(values: Mapping[str, Any]) -> Values:
    cleaned = {k: _without_none(v) if isinstance(v, Mapping) else v for k, v in values.items()}
    return {key: value for key, value in cleaned.items() if value is not None and value != {}}


def _without_aliases(layer: _Layer) -> _Layer:
    values, aliases = dict(layer.values), {}
    for alias, key in ALIASES.items():
        if alias in values:
            if key in values:
                raise layer.error(f"{alias!r} and {key!r} are one setting: expected only one of them", [alias])
            values[key] = values.pop(alias)
            aliases[key] = alias
    return replace(layer, values=values, aliases=aliases)


def _merge(into: Values, values: Values) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = _copy(value)


def _copy(value: object) -> object:
    return {k: _copy(v) for k, v in value.items()} if isinstance(value, dict) else value


def _lists_to_tuples(value: object) -> object:
    if isinstance(value, dict):
        return {key: _lists_to_tuples(item) for key, item in value.items()}
    return tuple(map(_lists_to_tuples, value)) if isinstance(value, list) else value


def _first(errors: Sequence[ErrorDetails]) -> ErrorDetails:
    """The first error; of several kinds that a key may have, that of the kind which came nearest."""
    key = _declared([str(part) for part in errors[0]["loc"]])
    same = [error for error in errors if [str(part) for part in error["loc"]][: len(key)] == key]
    return max(same, key=lambda error: len(error["loc"]))


def _explain(error: ErrorDetails, layers: Sequence[_Layer]) -> ConfigError:
    context = error.get("ctx", {})
    path = [str(part) for part in error["loc"]]
    if error["type"] == "conflict":
        path.append(str(context["key"]))
    elif error["type"] != "extra_forbidden":
        path = _declared(path)
    layer, written = _origin(path, layers)
    name = ".".join(written)
    if error["type"] == "extra_forbidden":
        return layer.error(f"unknown key {name!r}", written, _nearest(path))
    if error["type"] == "conflict":
        return layer.error(f"{name}: {context['message']}", written)
    came = error["input"] if not isinstance(error["input"], Path) else str(error["input"])
    return layer.error(f"{name}: expected {_expected(error, context)}, got {came!r}", written)


def _declared(path: list[str]) -> list[str]:
    """The part of an error's place that is a key; the rest is a position in a list or a member of a union."""
    end = 1
    while end < len(path) and _annotation(path[: end + 1]) is not None:
        end += 1
    return path[:end]


def _origin(path: list[str], layers: Sequence[_Layer]) -> tuple[_Layer, list[str]]:
    """The last layer that sets ``path``, and the path as it was written there (an alias, for instance)."""
    for layer in reversed(layers):
        values: Any = layer.values
        for part in path:
            values = values.get(part, _MISSING) if isinstance(values, dict) else _MISSING
        if values is not _MISSING:
            return layer, [layer.aliases.get(path[0], path[0]), *path[1:]]
    return _Layer({}), path


_MISSING = object()


def _nearest(path: Sequence[str]) -> str:
    keys = list(_keys(Config))
    table = ".".join(path[:-1]) if _annotation(path[:-1]) is not None else ""
    beside = {key.rpartition(".")[2]: key for key in keys if key.rpartition(".")[0] == table}
    if not table:
        beside |= {name: name for name in (*ALIASES, *(key.partition(".")[0] for key in keys))}
    # a very similar one of the same table is nearest, then the same key in another table, then a similar one
    moved = [key for key in keys if key.rpartition(".")[2] == path[-1]]
    near = difflib.get_close_matches(path[-1], beside, n=1, cutoff=0.9)
    near = [beside[name] for name in near] or moved
    near = near or [beside[name] for name in difflib.get_close_matches(path[-1], beside, n=1)]
    return f"did you mean {near[0]!r}?" if near else f"valid keys: {', '.join(beside)}"


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for key, declared in model.model_fields.items():
        kind = declared.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _keys(kind, f"{prefix}{key}.")
        else:
            yield prefix + key


_EXPECTED = {
    "bool_type": "true or false",
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "literal_error": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "model_type": "a table",
    "path_type": "a path",
    "string_type": "text",
    "string_pattern_mismatch": "letters, digits, '.', '_' and '-' only, the first a letter or digit",
    "too_short": "at least {min_length} entry",
    "tuple_type": "a list",
}


def _expected(error: ErrorDetails, context: Mapping[str, Any]) -> str:
    template = _EXPECTED.get(error["type"])
    return error["msg"] if template is None else template.format(**context)
