"""Pages hold everything, escape what is text, and refuse to guess what was not given."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from nsm.analysis import pages
from nsm.analysis.pages import render_page


@pytest.fixture(autouse=True)
def _templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page").write_text("{{ share | percent }} {{ count | number }} {{ name }} {{ png | picture }}")
    monkeypatch.setattr(pages, "TEMPLATES", tmp_path)


def test_numbers_pictures_and_text() -> None:
    written = render_page("page", share=0.1234, count=12345, name="<b>", png=b"abc")
    assert written == "12.3% 12,345 &lt;b&gt; data:image/png;base64,YWJj"
    assert render_page("page", share=None, count=0.12345, name="", png=b"").startswith("n/a 0.123")


def test_what_is_missing_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render_page("page", share=None, count=1, png=b"")


@pytest.mark.parametrize("template", ["report.html.j2", "card.html.j2"])
def test_no_template_asks_for_anything_from_elsewhere(template: str) -> None:
    text = (Path(pages.__file__).parent / "templates" / template).read_text(encoding="utf-8")
    assert "http" not in text
    assert "<script" not in text
