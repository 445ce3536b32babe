"""Words, signs and lines of a BIF file, and files that cannot be read as one."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from nsm.data.causal.bif_tokens import BifTokens, read_text
from nsm.errors import DataError

TEXT = """network "my net" { } // the head
/* over
two lines */ variable a {
  type discrete [ 2 ] { <5, 5-10 };
"""


def all_tokens(file: Path) -> list[tuple[str, int]]:
    tokens = BifTokens(file)
    found = []
    while not tokens.is_done:
        found.append((tokens.take().text, tokens.last_line))
    return found


def test_words_signs_and_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.bif"
    file.write_text(TEXT)
    tokens = BifTokens(file)
    assert [tokens.take().text for _ in range(5)] == ["network", "my net", "{", "}", "variable"]
    name = tokens.word("a name")
    assert (name.text, name.line) == ("a", 3)
    assert tokens.peek() == "{"
    tokens.skip_to("{")
    assert tokens.take("type").line == 4
    tokens.skip_to("{")
    assert [token.text for token in tokens.words("a state", "}")] == ["<5", "5-10"]
    assert tokens.take(";").line == tokens.last_line == 4
    assert tokens.is_done and tokens.peek() == ""
    with pytest.raises(DataError, match=r"expected '\}', got the end of the file"):
        tokens.take()


def test_something_else_than_expected_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "a.bif"
    file.write_text("variable\n{")
    tokens = BifTokens(file)
    tokens.take("variable")
    with pytest.raises(DataError, match=r"expected a name, got '\{'") as caught:
        tokens.word("a name")
    assert (caught.value.file, caught.value.line) == (str(file), 2)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "a.bif"
    file.write_text(TEXT, encoding="utf-8-sig")
    assert read_text(file) == TEXT


def test_compressed_files_read_the_same(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.bif", tmp_path / "a.bif.gz"
    plain.write_text(TEXT)
    packed.write_bytes(gzip.compress(TEXT.encode()))
    assert read_text(plain) == read_text(packed) == TEXT
    assert all_tokens(plain) == all_tokens(packed)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", None, "got an empty file"),
        (b"// nothing\n\n", None, "got an empty file"),
        (b"network a { }\nvariable caf\xe9 {", 2, "expected text in UTF-8, got the byte 0xe9"),
        (b"network a { }\n/* for ever", 2, "never closed"),
        (b'network "a { }\n', 1, "never closed"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, content: bytes, line: int | None, words: str) -> None:
    file = tmp_path / "a.bif"
    file.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        BifTokens(file)
    assert (caught.value.file, caught.value.line) == (str(file), line)


def test_missing_damaged_and_folders(tmp_path: Path) -> None:
    damaged = tmp_path / "a.bif.gz"
    damaged.write_bytes(gzip.compress(TEXT.encode())[:-9])
    for file, words in ((tmp_path / "none.bif", "does not exist"), (tmp_path, "a folder"), (damaged, "cannot be read")):
        with pytest.raises(DataError, match=words):
            read_text(file)
