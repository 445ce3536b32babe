"""The table of checkpoints: sorted, filtered, with the settings that differ."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import torch

from nsm.dashboard.checkpoint_table import checkpoint_lines, checkpoint_page, checkpoints
from nsm.errors import RunError
from tests.analysis.made_runs import add_history, make_run

NOW = 2_000_000_000.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, (name, settings) in enumerate({"a": {}, "b": {"learning_rate": 0.01, "seed": 1}}.items()):
        run = make_run(tmp_path, name, **settings)
        add_history(run, 2 + number)
        for path in (run.best, run.last):
            path.write_bytes(b"x" * 2**19)
            os.utime(path, (NOW - 60 * (number + 1), NOW - 60 * (number + 1)))
    torch.save({"weight": torch.zeros(2)}, tmp_path / "planning" / "by_hand.pt")
    os.utime(tmp_path / "planning" / "by_hand.pt", (NOW - 7200, NOW - 7200))
    return tmp_path


def test_everything_is_listed(root: Path) -> None:
    table = checkpoints(root, now=NOW)
    rows = table.to_json()
    assert [(row["run"], row["checkpoint"], row["epoch"], row["val acc"], row["age"]) for row in rows] == [
        ("a", "best_model.pt", 2, 0.7, "1 min"), ("a", "last.pt", 2, 0.7, "1 min"),
        ("b", "best_model.pt", 3, 0.8, "2 min"), ("b", "last.pt", 3, 0.8, "2 min"),
        (None, "by_hand.pt", None, None, "2 h 0 min"),
    ]  # fmt: skip
    assert [row["kind"] for row in rows] == ["best", "last", "best", "last", "other"]
    assert {row["settings"] for row in rows[:2]} == {"learning_rate=0.004, seed=0"}
    assert {row["settings"] for row in rows[2:4]} == {"learning_rate=0.01, seed=1"}
    assert rows[4]["settings"] == "" and rows[4]["problem"] is None
    assert (rows[0]["size MiB"], rows[0]["domain"]) == (0.5, "planning")


def test_sorted_and_filtered(root: Path) -> None:
    table = checkpoints(root, sort="val acc", descending=True, where=lambda row: row["kind"] == "last", now=NOW)
    assert table.column("run") == ["b", "a"]
    with pytest.raises(RunError, match="no column 'accuracy'"):
        checkpoints(root, sort="accuracy")
    with pytest.raises(RunError, match="no such folder"):
        checkpoints(root / "none")


def test_a_damaged_configuration_is_listed_without_settings(root: Path) -> None:
    (root / "planning" / "runs" / "a" / "config.toml").write_text("epochs = [")
    assert {row["settings"] for row in checkpoints(root, now=NOW).to_json() if row["run"] == "a"} == {""}


def test_the_page_has_room_and_no_empty_column(root: Path) -> None:
    page = checkpoint_page(checkpoints(root, now=NOW))
    assert "problem" not in page and "seconds since" not in page and str(root / "planning") not in page
    cells = re.findall(r'<td style="([^"]*)">([^<]*)</td>', page)
    assert ("0.7000", "right") in [(text, style.split(";")[0].removeprefix("text-align:")) for style, text in cells]
    assert all(("white-space:nowrap" in style) != text.startswith("learning_rate") for style, text in cells if text)
    assert all("padding:2px 8px" in style for style, _ in cells)  # columns do not touch
    (root / "planning" / "runs" / "a" / "last.pt").write_bytes(b"")
    assert "problem" in checkpoint_page(checkpoints(root, now=NOW))


def test_a_line_to_choose_from_has_the_figures(root: Path) -> None:
    lines = checkpoint_lines(checkpoints(root, now=NOW), root)
    assert lines[0] == "planning/runs/a/best_model.pt  (epoch 2, val acc 0.7000, 0.5 MiB, 1 min old)"
    assert lines[-1] == "planning/by_hand.pt  (0.0 MiB, 2 h 0 min old)"


def test_before_the_first_checkpoint_that_is_said(tmp_path: Path) -> None:
    assert checkpoints(tmp_path).title == f"no checkpoints yet in {tmp_path}"
