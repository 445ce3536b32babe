"""From a configuration to graphs: where they are kept, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nsm import pipeline
from nsm.config import Config
from nsm.data.triples import Sample
from nsm.pipeline import domains
from nsm.pipeline.datasets import read_audit
from tests.training.toy_graphs import MarkedChains


def test_where_data_is_kept(fresh: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pipeline.load_graphs(fresh, quiet=True).folder.parent == tmp_path / "root" / "data"
    monkeypatch.setenv("NSM_CACHE", str(tmp_path / "named"))
    assert pipeline.load_graphs(fresh, quiet=True).folder.parent == tmp_path / "named"
    told = fresh.model_copy(update={"cache": tmp_path / "told"})
    assert pipeline.load_graphs(told, quiet=True).folder.parent == tmp_path / "told"


@dataclass(frozen=True)
class FewerChains(MarkedChains):
    """Makes no graph for some numbers, and equal graphs for others."""

    missing: int = 0
    equal: int = 0

    def key(self) -> Mapping[str, Any]:
        return {"graphs": self.count, "missing": self.missing, "equal": self.equal}

    def make(self, shard: range) -> list[Sample]:
        numbers = [number for number in shard if number >= self.missing]
        return [self.chain(min(number, self.count - 1 - self.equal)) for number in numbers]


@pytest.mark.parametrize(
    ("missing", "equal", "told"),
    [
        (0, 0, None),
        (3, 0, "117 of 120 graphs: 3 could not be made"),
        (0, 2, "118 of 120 graphs: 2 left out, since others equal them"),
        (10, 1, "109 of 120 graphs: 10 could not be made; 1 left out, since others equal them"),
    ],
)
def test_fewer_graphs_than_asked_for(
    fresh: Config,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: int,
    equal: int,
    told: str | None,
) -> None:
    source = FewerChains(120, missing=missing, equal=equal)
    monkeypatch.setitem(domains.TASKS, "planning", lambda _: domains.Task(source))
    for _ in range(2):  # the second time from the cache
        pipeline.load_graphs(fresh)
        lines = capsys.readouterr().err.splitlines()
        assert [line for line in lines if " graphs: " in line] == [told] * (told is not None)
    pipeline.load_graphs(fresh, quiet=True)
    assert capsys.readouterr().err == ""
    pipeline.train(fresh.model_copy(update={"epochs": 1}))  # with its audit
    assert capsys.readouterr().err.count(" graphs: ") == (told is not None)


def test_an_audit_of_other_data_does_not_count(fresh: Config) -> None:
    graphs = pipeline.load_graphs(fresh, quiet=True)
    assert read_audit(graphs) is None
    result = pipeline.audit(fresh, quiet=True)
    assert read_audit(graphs) == result.to_json()
    file = graphs.folder.with_name(f"{graphs.folder.name}.audit.json")
    for text in (file.read_text().replace(graphs.fingerprint, "other"), "[1]", "{", ""):
        file.write_text(text)
        assert read_audit(graphs) is None


def test_graphs_to_read_and_to_look_at(config: Config, tmp_path: Path) -> None:
    shown = pipeline.show(config, count=4, split="val", folder=tmp_path / "pictures", quiet=True)
    val = pipeline.load_graphs(config, quiet=True).subset("val")
    assert len({graph.index for graph in shown}) == 4
    assert {graph.index for graph in shown} <= set(val.indices.tolist())
    assert [graph.sample.label for graph in shown] == [0, 1, 0, 1]
    for graph in shown:
        assert graph.picture.read_bytes().startswith(b"\x89PNG")
        assert graph.picture.parent == tmp_path / "pictures"
        told = graph.to_json()
        assert len(told["triples"]) == graph.sample.num_triples
        assert told["triples"][0]["relation"] == "next"
        assert told["evidence_nodes"] == ["node 0"]
        text = graph.to_text()
        assert text.startswith(f"graph {graph.index}: {told['label']}")
        assert text.count("--next-->") == graph.sample.num_triples


@pytest.mark.parametrize("count", [1, 1000])
def test_more_graphs_than_there_are(config: Config, tmp_path: Path, count: int) -> None:
    few = config.model_copy(update={"planning": config.planning.model_copy(update={"graphs": 20})})
    val = pipeline.load_graphs(few, quiet=True).subset("val")
    shown = pipeline.show(few, count=count, split="val", folder=tmp_path, quiet=True)
    assert len(shown) == min(count, len(val))
