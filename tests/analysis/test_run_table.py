"""Every run has its row, and a damaged one does not hide the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nsm.analysis.run_table import run_table
from tests.analysis.made_runs import add_history, end, evaluate_as, make_run


def test_a_row_for_each_run(tmp_path: Path) -> None:
    done, begun = make_run(tmp_path, "done", model="flat", seed=3), make_run(tmp_path, "begun", domain="causal")
    add_history(done, 4)
    end(done)
    evaluate_as(done, np.array([True, True, True, False]))
    for name in ("best_model.pt", "last.pt", "ranker.pt"):
        (done.folder / name).write_bytes(b"0" * 2**20)
    done.tensorboard.mkdir()
    (done.tensorboard / "events").write_bytes(b"0" * 2**20)
    rows = {row["run"]: row for row in run_table(tmp_path).to_json()}
    row = rows["done"]
    assert (row["domain"], row["model"], row["seed"], row["state"]) == ("planning", "flat", 3, "finished")
    assert (row["epoch"], row["epochs"], row["best epoch"], row["best val acc"]) == (4, 4, 3, 0.8)
    assert (row["test acc"], row["checkpoints"], row["folder"]) == (0.75, 2, str(done.folder))
    assert 4.0 < row["size MiB"] < 4.1
    assert (rows["begun"]["state"], rows["begun"]["epoch"], rows["begun"]["test acc"]) == ("running", 0, None)
    assert begun.folder.is_dir()


def test_age_and_order(tmp_path: Path) -> None:
    import os

    old, new = make_run(tmp_path, "old"), make_run(tmp_path, "new")
    for run, changed in ((old, 1000.0), (new, 5000.0)):
        os.utime(run.config, (changed, changed))
    table = run_table(tmp_path, now=9000.0)
    assert table.column("run") == ["new", "old"]
    assert table.column("age") == ["1 h 6 min", "2 h 13 min"]
    assert table.column("state") == ["stale", "stale"]


def test_damage_is_borne(tmp_path: Path) -> None:
    run = make_run(tmp_path, "a")
    run.config.write_text("domain = ")
    run.history.write_bytes(b'{"epoch": 1, "is_best": true}\n{"epoch": 2}\n{"epoch": 3')
    run.final_results.write_text('{\n  "accuracy": 1.2.3,')
    (row,) = run_table(tmp_path).to_json()
    assert (row["domain"], row["model"], row["epoch"], row["best epoch"]) == ("planning", None, 2, 1)
    assert (row["best val acc"], row["test acc"]) == (None, None)
    run.history.write_bytes(b"nonsense\n")
    assert run_table(tmp_path).column("epoch") == [0]


def test_an_empty_root(tmp_path: Path) -> None:
    assert len(run_table(tmp_path / "none")) == 0
