"""The browser's buttons do what its methods do."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch

from nsm.dashboard import checkpoint_browser
from nsm.dashboard.checkpoint_browser import CheckpointBrowser, _BrowserWidget, browser
from nsm.data.packed import PackedGraphs
from nsm.errors import NSMError, RunError
from nsm.runs import write_text
from tests.dashboard.fake_notebook import FakeNotebook
from tests.training.toy_graphs import toy_trainer


@pytest.fixture
def browsed(graphs: PackedGraphs, tmp_path: Path) -> CheckpointBrowser:
    trainer = toy_trainer(graphs, tmp_path, epochs=2, save_every=1)
    trainer.fit()
    write_text(trainer.run.config, trainer.config.to_toml())
    torch.save(trainer.model.state_dict(), tmp_path / "planning" / "by_hand.pt")
    return browser(tmp_path)


def path_of(browsed: CheckpointBrowser, name: str) -> str:
    return next(row["path"] for row in browsed.table.to_json() if row["checkpoint"] == name)


def test_methods(browsed: CheckpointBrowser) -> None:
    assert len(browsed.table) == 5
    assert browsed.sort("best accuracy first").column("val acc")[-1] is None
    assert browsed.filter("planning PERIODIC").column("kind") == ["periodic"] * 2
    with pytest.raises(RunError, match="no order 'random'"):
        browsed.sort("random")
    browsed.filter("")
    model = browsed.load(path_of(browsed, "by_hand.pt"))
    assert browsed.model is model and not model.training
    one, other = path_of(browsed, "checkpoint_epoch_0001.pt"), path_of(browsed, "checkpoint_epoch_0002.pt")
    found = {(row["what"], row["name"]): row for row in browsed.compare(one, other).to_json()}
    assert (found["metric", "epoch"]["first"], found["metric", "epoch"]["second"]) == (1, 2)
    assert any(what == "relative change" for what, _ in found)
    assert all(row["first"] != row["second"] for row in found.values())  # what is the same in both is no difference
    assert browsed.filter("planning nowhere").column("kind") == []
    browsed.filter("")
    assert browsed.delete(one, confirm=True).startswith("deleted")
    assert len(browsed.table) == 4


def test_buttons(browsed: CheckpointBrowser) -> None:
    pytest.importorskip("ipywidgets")
    shown = _BrowserWidget(browsed)
    assert len(shown.rows.options) == 5 and "by_hand.pt" in shown.shown.value
    assert re.search(r"last.pt  \(epoch 2, val acc 0\.\d{4}, \d\.\d MiB, \d+ s old\)", str(shown.rows.options))
    shown.buttons["load"].click()
    assert "expected 1 chosen, got 0" in shown.told.value
    shown.rows.value = [path_of(browsed, "by_hand.pt")]
    shown.buttons["load"].click()
    assert "loaded: Hierarchy with" in shown.told.value
    shown.buttons["delete"].click()
    assert "would delete" in shown.told.value and "tick the box" in shown.told.value
    assert "confirm=True" not in shown.told.value  # that is for whoever calls the method
    shown.words.value = "hand"
    assert shown.told.value == ""  # it was said of other rows
    shown.words.value = ""
    shown.rows.value = [path_of(browsed, "by_hand.pt")]
    shown.sure.value = True
    shown.buttons["delete"].click()
    assert "deleted" in shown.told.value and shown.sure.value is False
    assert len(shown.rows.options) == 4
    shown.buttons["delete"].click()
    assert "nothing is chosen" in shown.told.value
    shown.rows.value = [path for _, path in shown.rows.options[:2]]
    shown.buttons["compare"].click()
    assert "<table>" in shown.told.value
    shown.words.value = "last"
    assert [Path(path).name for _, path in shown.rows.options] == ["last.pt"]
    assert "4 checkpoints in" in shown.shown.value and "1 with these words" in shown.shown.value
    shown.order.value = "by run"
    assert browsed.order == "by run"
    shown.buttons["refresh"].click()
    assert shown.told.value == ""


def test_chosen_rows_are_given_up_before_others_come(browsed: CheckpointBrowser) -> None:
    """A page that is told of fewer rows while some are chosen fails."""
    pytest.importorskip("ipywidgets")
    shown = _BrowserWidget(browsed)
    shown.rows.value = [path for _, path in shown.rows.options]
    told: list[tuple[str, int]] = []
    shown.rows.observe(lambda change: told.append(("chosen", len(change["new"]))), "index")
    shown.rows.observe(lambda change: told.append(("there", len(change["new"]))), "_options_labels")
    shown.words.value = "last"
    assert told == [("chosen", 0), ("there", 1)]


def test_the_page_says_what_it_leaves_out(browsed: CheckpointBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ipywidgets")
    monkeypatch.setattr(checkpoint_browser, "PAGE", 2)
    monkeypatch.setattr(checkpoint_browser, "CHOICE", 3)
    shown = _BrowserWidget(browsed)
    assert len(shown.rows.options) == 3
    assert "the first 2 shown; the first 3 can be chosen" in shown.shown.value


def test_the_table_stays_beside_the_widget(browsed: CheckpointBrowser, notebook: FakeNotebook) -> None:
    pytest.importorskip("ipywidgets")
    browsed._ipython_display_()
    (view,), (kept,) = notebook.shown_raw, notebook.handles
    assert "application/vnd.jupyter.widget-view+json" in view
    assert "by_hand.pt" in kept.shown[0][0]["text/html"] and "by_hand.pt" in kept.shown[0][0]["text/plain"]


def test_before_the_first_run_there_is_an_empty_table(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "none"):
        browsed = browser(root)
        assert len(browsed.table) == 0
        assert browsed.sort("by run").title == f"no checkpoints yet in {root}"


def test_what_is_missing(browsed: CheckpointBrowser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(NSMError, match="needs ipywidgets"):
        browsed.widget()
