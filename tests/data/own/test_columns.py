"""Names in one order, numbers within bounds, and the place of what is neither."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsm.data.own.columns import first_rows, read_numbers, read_words, require_columns
from nsm.errors import DataError
from tests.data.own.written import table

NAME = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=3)


@given(pairs=st.lists(st.tuples(NAME, NAME), min_size=1, max_size=12))
def test_two_columns_share_one_sorted_vocabulary(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    left, right = map(list, zip(*pairs, strict=True))
    words = read_words(table(tmp_path_factory.mktemp("words"), {"a": left, "b": right}), "a", "b")
    assert words.words == sorted({*left, *right})
    assert [[words.words[code] for code in row] for row in words.codes.tolist()] == [left, right]


@pytest.mark.parametrize("bad", [0, 3, 6, 7])
def test_the_first_of_several_bad_numbers_is_told(tmp_path: Path, bad: int) -> None:
    cells: list[object] = [0.5] * bad + ["x"] + [1] * (7 - bad) + ["y"]
    with pytest.raises(DataError, match=r"expected a number in \[0, 1\], got 'x'") as caught:
        read_numbers(table(tmp_path, {"c": cells}), "c", low=0, high=1)
    assert caught.value.line == bad + 2


def test_numbers_as_people_write_them(tmp_path: Path) -> None:
    file = table(tmp_path, {"c": [" 1", "1e-3", "-0.0", "", "+2"]})
    assert read_numbers(file, "c", default=7).tolist() == [1.0, 0.001, 0.0, 7.0, 2.0]
    with pytest.raises(DataError, match="got nothing") as caught:
        read_numbers(file, "c")
    assert caught.value.line == 5


@pytest.mark.parametrize(("cell", "said"), [("1.5", "a whole number"), ("nan", "got nan"), ("256", "got 256")])
def test_whole_numbers(tmp_path: Path, cell: str, said: str) -> None:
    file = table(tmp_path, {"c": ["1", cell]})
    with pytest.raises(DataError, match=said) as caught:
        read_numbers(file, "c", low=1, high=255, is_whole=True)
    assert caught.value.line == 3


def test_headers(tmp_path: Path) -> None:
    file = table(tmp_path, {"graph": ["g"], "label": ["x"], "note": ["y"]})
    assert require_columns(file, ["graph", "label"], ["split"]) == ["note"]
    with pytest.raises(DataError, match="unknown column 'note'"):
        require_columns(file, ["graph", "label"], ["notes"])
    with pytest.raises(DataError, match="got graph, label, note") as caught:
        require_columns(file, ["graph", "node"], [])
    assert caught.value.line == 1


def test_first_rows() -> None:
    assert first_rows(np.array([2, 0, 2, 0]), 4).tolist() == [1, -1, 0, -1]
