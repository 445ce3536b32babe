"""The card of a configured data set, with its audit made where there is none."""

from __future__ import annotations

import json

import pytest

from nsm import pipeline
from nsm.config import Config
from nsm.pipeline import domains
from nsm.pipeline.datasets import read_audit


def test_a_card_of_the_configured_data(fresh: Config) -> None:
    result = pipeline.write_data_card(fresh, quiet=True)
    graphs = pipeline.load_graphs(fresh, quiet=True)
    assert fresh.root is not None
    assert result.file == fresh.root / "planning" / "cards" / f"{graphs.folder.name}.html"
    told = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert (told["graphs"], told["fingerprint"], told["card"]) == (len(graphs), graphs.fingerprint, str(result.file))
    assert told["audit"] == read_audit(graphs)
    html = result.file.read_text(encoding="utf-8")
    assert html.count("<img") == 4 + 1 + 3  # of every data set, plan lengths, examples
    assert "inconclusive" in html


def test_source_and_licence_are_those_of_the_domain(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pipeline.write_data_card(config).facts["licence"] == "unknown"
    assert "auditing" not in capsys.readouterr().err
    opened = domains.TASKS["planning"](config)
    known = domains.Task(opened.source, origin="somebody's files", licence="CC0")
    monkeypatch.setitem(domains.TASKS, "planning", lambda _: known)
    assert config.root is not None
    result = pipeline.write_data_card(config, file=config.root / "here.html", quiet=True)
    assert result.file.name == "here.html"
    text = result.to_text()
    assert "source    somebody's files\nlicence   CC0\n" in text
    assert "somebody&#39;s files" in result.file.read_text(encoding="utf-8")
