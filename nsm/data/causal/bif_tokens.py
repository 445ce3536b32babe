"""Words and punctuation of a file in the Bayesian Interchange Format, each with its line."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from nsm.errors import DataError

__all__ = ["BifTokens", "Token", "read_text"]

TOKEN = re.compile(r'\s+|//[^\n]*|/\*.*?\*/|"[^"\n]*"|[{}()\[\]|,;]|[^\s{}()\[\]|,;"]+', re.DOTALL)
PUNCTUATION = frozenset("{}()[]|,;")
SYNTAX = "is a bracket, a name or a semicolon missing before it?"


class Token(NamedTuple):
    """A word or a sign, and the line that it stands in."""

    text: str
    line: int


def read_text(file: Path) -> str:
    """The text of a file, decompressed where its name ends in ``.gz``.

    Raises:
        DataError: If the file is missing, damaged or not in UTF-8.
    """
    try:
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
    except FileNotFoundError as error:
        raise DataError("the file does not exist", file=file, hint="expected a Bayesian network in BIF") from error
    except IsADirectoryError as error:
        raise DataError("expected a file, came a folder", file=file, hint="name the file in BIF itself") from error
    except (OSError, EOFError, zlib.error) as error:
        hint = "is it whole, and compressed by gzip if its name ends in .gz?"
        raise DataError(f"cannot be read: {error}", file=file, hint=hint) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        came = f"the byte 0x{content[error.start]:02x}"
        raise DataError(f"expected text in UTF-8, got {came}", file=file, line=line, hint="save it as UTF-8") from error


class BifTokens:
    """The tokens of a file, taken one after another.

    Args:
        file: The file.

    Raises:
        DataError: If the file cannot be read, is empty, or a quotation or comment in it is never closed.
    """

    def __init__(self, file: Path) -> None:
        text = read_text(file)
        self.file = file
        self.last_line = text.rstrip().count("\n") + 1
        self._tokens = list(self._scan(text))
        self._place = 0
        if not self._tokens:
            self.fail(
                "expected a Bayesian network in BIF, got an empty file", None, "pgmpy and bnlearn write such files"
            )

    def _scan(self, text: str) -> Iterator[Token]:
        line, place = 1, 0
        while place < len(text):
            found = TOKEN.match(text, place)
            if found is None or found.group().startswith("/*") > found.group().endswith("*/"):
                self.fail("this quotation or comment is never closed", line, 'close it with " or */')
            word = found.group()
            if not word.isspace() and not word.startswith(("//", "/*")):
                yield Token(word.strip('"') if word.startswith('"') else word, line)
            line += word.count("\n")
            place = found.end()

    def fail(self, message: str, line: int | None, hint: str) -> NoReturn:
        """Refuses the file."""
        raise DataError(message, file=self.file, line=line, hint=hint)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left."""
        return self._place == len(self._tokens)

    def peek(self) -> str:
        """The text of the next token; empty where nothing is left."""
        return "" if self.is_done else self._tokens[self._place].text

    def take(self, expected: str | None = None, hint: str = SYNTAX) -> Token:
        """The next token, which has to be the expected one."""
        if self.is_done:
            self.fail(f"expected {expected or '}'!r}, got the end of the file", self.last_line, "is the file whole?")
        token = self._tokens[self._place]
        self._place += 1
        if expected is not None and token.text != expected:
            self.fail(f"expected {expected!r}, got {token.text!r}", token.line, hint)
        return token

    def word(self, what: str) -> Token:
        """The next token, which has to be a word."""
        token = self.take()
        if token.text in PUNCTUATION:
            self.fail(f"expected {what}, got {token.text!r}", token.line, SYNTAX)
        return token

    def words(self, what: str, end: str) -> list[Token]:
        """Words up to ``end``, which is taken as well; commas between them may be missing."""
        found: list[Token] = []
        while self.peek() != end:
            found.append(self.word(what))
            if self.peek() == ",":
                self.take()
        self.take(end)
        return found

    def skip_to(self, end: str) -> None:
        """Leaves out everything up to ``end``."""
        while self.take().text != end:
            pass
