"""What stays of a widget is an ordinary output beside it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nsm.dashboard.keepsake import KEPT, LIVE, VIEW, Keepsake, picture_html
from tests.dashboard.fake_notebook import FakeNotebook


class FakeWidget(SimpleNamespace):
    def add_class(self, name: str) -> None:
        self.classes.append(name)


@pytest.fixture
def keepsake() -> Keepsake:
    return Keepsake(FakeWidget(model_id="w1", classes=[]))


def test_the_widget_comes_first_and_what_stays_is_replaced_in_place(keepsake: Keepsake, notebook: FakeNotebook) -> None:
    keepsake.keep("<p>one</p>", "one")
    keepsake.show()
    keepsake.keep("<p>two</p>", "two")
    assert keepsake.widget.classes == [LIVE]
    (view,), (kept,) = notebook.shown_raw, notebook.handles
    assert view[VIEW]["model_id"] == "w1"
    assert view["text/html"] == "" and "VBox" not in view["text/plain"]  # what a page without widgets takes
    assert [content["text/plain"] for content, _ in kept.shown] == ["one", "two"]
    assert f'<div class="{KEPT}"><p>two</p></div>' in kept.shown[-1][0]["text/html"]


def test_each_place_where_it_was_shown_is_kept_current(keepsake: Keepsake, notebook: FakeNotebook) -> None:
    keepsake.show()
    keepsake.show()
    keepsake.keep("now", "now")
    assert [handle.shown[-1][0]["text/plain"] for handle in notebook.handles] == ["now", "now"]


def test_a_picture_has_its_words() -> None:
    html = picture_html(b"\x89PNG", 'a "b" < c')
    assert html.startswith('<img src="data:image/png;base64,iVBORw=="')
    assert 'alt="a &quot;b&quot; &lt; c"' in html
