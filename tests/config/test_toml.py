"""Writing TOML and finding lines in it."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsm.config.toml import key_line, to_toml

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = PLAIN | st.lists(PLAIN, max_size=3)
TABLES = st.recursive(
    st.dictionaries(TEXT, VALUES, max_size=4), lambda inner: st.dictionaries(TEXT, VALUES | inner, max_size=4)
)


@given(TABLES)
def test_what_is_written_reads_back(tables: dict[str, object]) -> None:
    assert tomllib.loads(to_toml(tables)) == tables


def test_what_toml_cannot_hold() -> None:
    with pytest.raises(TypeError, match="no place"):
        to_toml({"x": object()})


LINES = """# a comment
seed = 1
"epochs"= 2

[planning] # the data
  graphs = 3
'pddl' = "x"
[a.b]
c.d = 4
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("seed",), 2),
        (("epochs",), 3),
        (("planning",), 5),
        (("planning", "graphs"), 6),
        (("planning", "pddl"), 7),
        (("a", "b", "c", "d"), 9),
        (("planning", "missing"), 5),
        (("missing",), None),
        (("graphs",), None),
    ],
)
def test_lines_of_keys(path: tuple[str, ...], line: int | None) -> None:
    assert key_line(LINES, path) == line
