"""Bars say the same as text and as HTML."""

from __future__ import annotations

from nsm.dashboard.bars import Bar, bars_html, bars_text


def test_shares_stay_between_nothing_and_all() -> None:
    assert [Bar("a", done, 4).share for done in (-1, 0, 1, 4, 9)] == [0.0, 0.0, 0.25, 1.0, 1.0]
    assert Bar("a", 7, 0).share == 0.0
    assert (Bar("a", 7, 0).count, Bar("a", 1234.5, 2000).count) == ("7", "1,234/2,000")


def test_text_and_page_say_the_same() -> None:
    bars = [Bar("epochs", 1, 2, "5 s left"), Bar("batches", 3, 3)]
    text, page = bars_text(bars, "going <on>\nwell"), bars_html(bars, "going <on>\nwell")
    assert text.splitlines()[-2:] == ["going <on>", "well"]
    assert text.count("█") == 12 + 24
    for word in ("epochs", "batches", "1/2", "3/3", "5 s left", "going &lt;on&gt;", "width:50.0%", "width:100.0%"):
        assert word in page
    assert "<script" not in page and "<style" not in page  # a page that is not trusted would drop them
    assert "<table" not in bars_html([], "a line")
