"""A user's own source of graphs, named by its import path."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from nsm.data.shards import GraphSource
from nsm.data.triples import Sample, Schema
from nsm.errors import ConfigError

__all__ = ["ImportedSource", "code_digest", "imported_source"]

PARTS = ("schema", "split_shares", "key", "shards", "make")


@dataclass(frozen=True)
class ImportedSource:
    """A user's source, whose data are made again when its code has changed.

    Args:
        path: Its import path.
        code: Hash of its code.
        made: What the user's code gave.
    """

    path: str
    code: str
    made: GraphSource

    @property
    def schema(self) -> Schema:
        """The user's vocabularies."""
        return self.made.schema

    @property
    def split_shares(self) -> tuple[float, float, float]:
        """The user's shares."""
        return self.made.split_shares

    def key(self) -> Mapping[str, Any]:
        """The user's key, beside the name and the hash of the code."""
        return {"source": self.path, "code": self.code, **{f"own {name}": v for name, v in self.made.key().items()}}

    def shards(self) -> Sequence[Any]:
        """The user's pieces of work."""
        return self.made.shards()

    def make(self, shard: Any) -> list[Sample]:
        """The user's samples."""
        return self.made.make(shard)


def imported_source(path: str, module: ModuleType, made: object) -> ImportedSource:
    """Wraps what a user's code gave.

    Args:
        path: Its import path.
        module: Where it was imported from.
        made: What it gave.

    Raises:
        ConfigError: If that is no source of graphs.
    """
    if isinstance(made, GraphSource):
        return ImportedSource(path, code_digest(module), made)
    missing = [name for name in PARTS if not hasattr(made, name)]
    told = f"own.source: expected {path} to give a source of graphs ({', '.join(PARTS)}) or a Task with one"
    told += f", got {type(made).__name__} without {', '.join(missing)}"
    hint = "nsm.data.shards.GraphSource says what each of them is"
    raise ConfigError(told, file=getattr(module, "__file__", None), hint=hint)


def code_digest(module: ModuleType) -> str:
    """Hash of a module's file; of a package, of all its Python files.

    What else the data depend on, other modules and files, belongs into the source's own key.
    """
    top = sys.modules[module.__name__.partition(".")[0]]
    file = getattr(top, "__file__", None) or module.__file__  # a folder without __init__.py has no file
    assert file is not None, "what makes graphs was read from a file"
    home = Path(file)
    files = sorted(home.parent.rglob("*.py")) if home.name == "__init__.py" else [home]
    return sha256(b"".join(sha256(one.read_bytes()).digest() for one in files)).hexdigest()
