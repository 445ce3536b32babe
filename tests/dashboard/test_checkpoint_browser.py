"""The browser's buttons do what its methods do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from nsm.dashboard.checkpoint_browser import CheckpointBrowser, _BrowserWidget, browser
from nsm.data.packed import PackedGraphs
from nsm.errors import NSMError, RunError
from nsm.runs import write_text
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
    assert browsed.delete(one, confirm=True).startswith("deleted")
    assert len(browsed.table) == 4


def test_buttons(browsed: CheckpointBrowser) -> None:
    pytest.importorskip("ipywidgets")
    shown = _BrowserWidget(browsed)
    assert len(shown.rows.options) == 5 and "by_hand.pt" in shown.shown.value
    shown.buttons["load"].click()
    assert "expected 1 chosen, got 0" in shown.told.value
    shown.rows.value = [path_of(browsed, "by_hand.pt")]
    shown.buttons["load"].click()
    assert "loaded: Hierarchy with" in shown.told.value
    shown.buttons["delete"].click()
    assert "would delete" in shown.told.value and "tick the box" in shown.told.value
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
    assert [label.rpartition("/")[2] for label, _ in shown.rows.options] == ["last.pt"]
    shown.order.value = "by run"
    assert browsed.order == "by run"
    shown.buttons["refresh"].click()
    assert shown.told.value == ""


def test_what_is_missing(browsed: CheckpointBrowser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match="no such folder"):
        browser(tmp_path / "none")
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(NSMError, match="needs ipywidgets"):
        browsed.widget()
