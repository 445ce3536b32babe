"""Tables sort, filter and write themselves, and escape what they show."""

from __future__ import annotations

import math

from nsm.analysis.tables import Table

TABLE = Table(
    ("name", "score", "shape", "ok"), [("<b>", 0.5, (2, 3), True), ("a", None, [4], False), ("c", 12, (), None)]
)


def test_sorting_leaves_the_unknown_last() -> None:
    assert TABLE.sort("score").column("name") == ["<b>", "c", "a"]
    assert TABLE.sort("score", descending=True).column("name") == ["c", "<b>", "a"]


def test_filtering_is_given_rows_by_name() -> None:
    assert TABLE.filter(lambda row: row["ok"]).column("name") == ["<b>"]
    assert len(TABLE.filter(lambda row: row["score"] is None)) == 1


def test_text_is_aligned_and_numbers_stand_on_the_right() -> None:
    lines = TABLE.to_text().splitlines()
    assert lines[0] == "name  score  shape  ok"
    assert lines[1] == "<b>     0.5  2 x 3  yes"
    assert lines[2] == "a            4      no"


def test_html_is_escaped() -> None:
    html = Table(("a",), [("<script>",)], title="x & y")._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "x &amp; y" in html


def test_json_has_no_number_that_is_none() -> None:
    assert Table(("a", "b"), [(math.nan, 1.5), (math.inf, 2.0)]).to_json() == [
        {"a": None, "b": 1.5},
        {"a": None, "b": 2.0},
    ]


def test_a_page_shows_the_beginning_of_a_long_table() -> None:
    table = Table(("number",), [(number,) for number in range(1000)], "many")
    page = table._repr_html_()
    assert page.count("<tr>") == 301 and "many (the first 300 of 1,000 rows)" in page
    assert repr(table).splitlines()[-1].strip() == "299"
    assert table.to_text().splitlines()[-1].strip() == "999"
    short = Table(("number",), [(1,)])
    assert "<caption" not in short._repr_html_() and repr(short) == short.to_text()
