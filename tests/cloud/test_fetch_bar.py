from __future__ import annotations

import pytest

from nsm.cloud.fetch_bar import FetchBar


def test_it_counts_bytes_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with FetchBar() as bar:
        bar.start(2_000_000)
        bar.advance(2_000_000)
        bar.retry("causal/last.pt", "cut off")
    captured = capsys.readouterr()
    assert captured.out == "" and "2.0/2.0 MB" in captured.err and "causal/last.pt: cut off; once more" in captured.err


def test_quiet_it_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with FetchBar(quiet=True) as bar:
        bar.start(10)
        bar.advance(10)
        bar.retry("a", "b")
    assert capsys.readouterr() == ("", "")
