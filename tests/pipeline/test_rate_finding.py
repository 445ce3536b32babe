"""A learning rate for a configuration, without a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from nsm import pipeline
from nsm.config import Config


def files(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_no_run_is_made_or_changed(config: Config, tmp_path: Path) -> None:
    pipeline.train(config, quiet=True)
    root = tmp_path / "root"
    before = files(root)
    result = pipeline.find_learning_rate(config, quiet=True)
    assert result.figure == root / "planning" / "learning_rate.png"
    assert result.figure.read_bytes().startswith(b"\x89PNG")
    after = files(root)
    assert after.keys() - before.keys() == {result.figure}
    assert all(after[path] == content for path, content in before.items())
    told = result.to_json()
    assert told.keys() == {"rates", "losses", "suggestion", "limit", "configured", "figure"}
    json.dumps(told, allow_nan=False)


def test_boosted_trees_are_fitted_before_the_test(config: Config) -> None:
    boosting = config.model_copy(update={"model": "boosting"})
    losses = pipeline.find_learning_rate(boosting, quiet=True).to_json()["losses"]
    assert losses[0] < 0.3  # a marked node can be counted; without trees it is that of a coin, 0.69


def test_what_a_person_reads(config: Config, tmp_path: Path) -> None:
    result = pipeline.find_learning_rate(config, file=tmp_path / "new" / "rates.png", quiet=True)
    assert f"picture                  {tmp_path / 'new' / 'rates.png'}" in result.to_text()
    assert "configured               0.004" in result.to_text()
    told = replace(result, test=replace(result.test, suggestion=0.0123, limit=0.5)).to_text()
    assert "suggested learning rate  0.012" in told
    assert "0.5: stay ten times below" in told
    told = replace(result, test=replace(result.test, suggestion=None, limit=None)).to_text()
    assert told.startswith("no suggestion: ")
    assert "explodes at     nowhere" in told
