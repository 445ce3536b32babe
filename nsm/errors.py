"""Errors that a user can act on: each names the file, the line and the remedy where they are known."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CheckpointError", "ConfigError", "DataError", "NSMError", "RunError"]


class NSMError(ValueError):
    """A mistake in what the user gave; the command line prints it in two lines and exits with status 2.

    Args:
        message: What was expected and what came.
        file: The file that is at fault, where there is one.
        line: The line in that file, counted from 1.
        hint: What to do next.

    Example:
        >>> print(DataError("expected 3 columns, got 2", file="facts.tsv", line=7, hint="separate by tabs"))
        facts.tsv:7: expected 3 columns, got 2 (separate by tabs)
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = None if file is None else str(file)
        self.line = line
        self.hint = hint

    def __str__(self) -> str:
        place = "" if self.file is None else f"{self.file}: "
        if self.line is not None:
            place = f"line {self.line}: " if self.file is None else f"{self.file}:{self.line}: "
        return f"{place}{self.message}" + ("" if self.hint is None else f" ({self.hint})")

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the message; `%debug` still shows where it came from."""
        return [f"{type(self).__name__}: {self}"]

    def __reduce__(self) -> tuple[object, ...]:
        """Keeps file, line and hint when the error crosses a process boundary."""
        return _restore, (type(self), self.message, self.file, self.line, self.hint)


def _restore(kind: type[NSMError], message: str, file: str | None, line: int | None, hint: str | None) -> NSMError:
    return kind(message, file=file, line=line, hint=hint)


class DataError(NSMError):
    """Malformed data: a table, a PDDL file, a plan, a damaged cache folder."""


class ConfigError(NSMError):
    """A configuration that cannot be used: an unknown key, a wrong type, a value out of range."""


class CheckpointError(NSMError):
    """A checkpoint that is missing, damaged or made for another model."""


class RunError(NSMError):
    """A run folder that cannot be written, read or found."""
