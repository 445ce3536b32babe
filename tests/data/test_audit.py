"""The audit fails data sets that deserve it, and says why."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from nsm.data import audit as audit_module
from nsm.data.audit import AuditResult, audit, render
from nsm.data.packed import PackedGraphs
from nsm.data.probes import PROBES, SINGLE, TYPED, ProbeScore
from nsm.data.triples import Sample
from nsm.data.trivial import FeatureTable
from tests.data.twin_graphs import LEAK, add_edge, packed, twins

KEYS = {
    "domain", "samples", "majority", "probe", "probe_low", "local_probe", "duplicates", "confirmed",
    "ceiling", "verdict", "reasons",
}  # fmt: skip


def local(accuracy: float) -> tuple[ProbeScore, ...]:
    """What a domain's own probe might find."""
    return (ProbeScore("steps", accuracy, accuracy - 0.55, 3),)


@pytest.fixture
def clean_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes that find nothing, at once, for tests of everything else."""
    monkeypatch.setattr(audit_module, "run_probes", lambda *_, **__: (ProbeScore("size", 0.5, -0.01, 2),))
    monkeypatch.setattr(audit_module, "boosted_predictions", lambda _values, labels, *_, **__: labels)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    graphs = packed(tmp_path_factory.mktemp("honest") / "packed", twins(600))
    return audit(graphs, confirm=lambda _: 1.0, local_probes=lambda view: local(0.5 + 0.01 * (len(view) == 600)))


def test_honest_twins_pass(honest: AuditResult) -> None:
    assert honest.verdict == "pass", honest.reasons
    assert honest.majority == 0.5
    assert honest.local_probe == 0.51
    assert (honest.duplicates, honest.shared_groups, honest.confirmed) == (0, 0, 1.0)
    assert set(honest.balance) == {"all", "even", "odd"}
    assert honest.balance["odd"] == {"invalid": 0.5, "valid": 0.5}


def test_json_has_the_keys_that_tools_rely_on(honest: AuditResult) -> None:
    stored = json.loads(json.dumps(honest.to_json(), allow_nan=False))
    assert set(stored) >= KEYS
    assert stored["verdict"] == "pass"
    assert stored["probe_low"] == max(score["low"] for score in stored["probes"]) <= 0.02
    assert stored["probe"] == max(score["accuracy"] for score in stored["probes"])
    assert stored["shallow"]["features"] > 10


def test_the_table_shows_every_figure_and_the_verdict(honest: AuditResult) -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(render(honest))
    text = console.export_text()
    for expected in ("600 graphs", "Verdict: pass", "single feature", "degrees", "labels confirmed", "odd"):
        assert expected in text


def test_a_probe_may_be_shown_and_not_judged(tmp_path: Path) -> None:
    def told(view: PackedGraphs) -> dict[str, FeatureTable]:
        return {"answers": FeatureTable(("answer",), view.labels[:, None].astype(np.float32))}

    graphs = packed(tmp_path / "packed", twins(500))
    judged = audit(graphs, features=told)
    assert (judged.verdict, judged.probe) == ("fail", 1.0)
    assert "the probe on answers predicts 100.0%" in judged.reasons[0]
    shown = audit(graphs, features=told, reported=("answers", "size"))
    assert shown.verdict == "pass"
    assert shown.probe is not None and shown.probe < 0.6
    assert {score.name for score in shown.probes if not score.judged} == {"answers", "size"}
    assert "reported, not judged: the probe on answers predicts 100.0% of the labels" in shown.reasons
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(render(shown))
    assert "answers, reported only" in console.export_text()
    nothing = audit(graphs, reported=(*PROBES, SINGLE, TYPED))
    assert (nothing.probe, nothing.probe_low, nothing.verdict) == (None, None, "pass")
    assert nothing.reasons[0] == "no trivial feature is judged"


@pytest.mark.usefixtures("clean_probes")
def test_entities_in_several_splits_fail(tmp_path: Path) -> None:
    graphs = packed(tmp_path / "packed", twins(500))
    assert audit(graphs).shared_entities is None
    result = audit(graphs, shared_entities=lambda view: 3 * (len(view) == 500))
    assert (result.verdict, result.shared_entities) == ("fail", 3)
    assert "3 entities are in more than one split" in result.reasons


def leak(sample: Sample, _random: np.random.Generator) -> None:
    if sample.label:
        add_edge(sample, LEAK)


def test_an_edge_that_is_the_label_fails_and_is_named(tmp_path: Path) -> None:
    result = audit(packed(tmp_path / "packed", twins(500, edit=leak)))
    assert result.verdict == "fail"
    assert result.probe == 1.0
    assert any("leak" in why and "feature" in why for why in result.reasons)


def test_few_samples_are_inconclusive_even_where_they_leak(tmp_path: Path) -> None:
    result = audit(packed(tmp_path / "packed", twins(300, edit=leak)))
    assert result.verdict == "inconclusive"
    assert "300 graphs are too few" in result.reasons[0]
    assert any("leak" in why for why in result.reasons)


@pytest.mark.usefixtures("clean_probes")
def test_a_copy_in_another_split_fails(tmp_path: Path) -> None:
    samples = twins(60)
    copy = twins(2, seed=0)[1]
    assert samples[1].info["split"] == "train"
    copy.group, copy.info = "copy", {**copy.info, "split": "test"}
    result = audit(packed(tmp_path / "packed", [*samples, copy]))
    assert result.duplicates == 2
    assert result.verdict == "fail"
    assert any("duplicate" in why for why in result.reasons)


@pytest.mark.usefixtures("clean_probes")
def test_a_copy_in_the_same_split_is_no_duplicate_across_splits(tmp_path: Path) -> None:
    samples = twins(60)
    copy = twins(2, seed=0)[1]
    copy.group = "copy"
    assert audit(packed(tmp_path / "packed", [*samples, copy])).duplicates == 0


@pytest.mark.usefixtures("clean_probes")
def test_a_group_in_two_splits_fails(tmp_path: Path) -> None:
    samples = twins(60)
    samples[0].info["split"] = "test"
    result = audit(packed(tmp_path / "packed", samples))
    assert result.shared_groups == 1
    assert result.verdict == "fail"


@pytest.mark.usefixtures("clean_probes")
def test_labels_that_nobody_confirms_fail(tmp_path: Path) -> None:
    result = audit(packed(tmp_path / "packed", twins(60)), confirm=lambda _: 0.99)
    assert result.verdict == "fail"
    assert "99.00%" in result.reasons[0]


@pytest.mark.usefixtures("clean_probes")
def test_a_strong_local_probe_fails(tmp_path: Path) -> None:
    graphs = packed(tmp_path / "packed", twins(500))
    assert audit(graphs, local_probes=lambda _: local(0.61)).verdict == "fail"
    assert audit(graphs, local_probes=lambda _: local(0.60)).verdict == "pass"
    shown = ProbeScore("deeper", 0.9, 0.35, 3, judged=False)
    result = audit(graphs, local_probes=lambda _: (*local(0.60), shown))
    assert (result.verdict, result.local_probe) == ("pass", 0.60)


@pytest.mark.usefixtures("clean_probes")
def test_a_local_probe_that_is_surely_strong_in_one_family_fails(tmp_path: Path) -> None:
    graphs = packed(tmp_path / "packed", twins(500))
    for low, verdict in ((0.09, "pass"), (0.11, "fail")):  # beyond the majority's 0.5
        scores = (*local(0.55), ProbeScore("steps", 0.7, low, 3, "odd"))
        result = audit(graphs, local_probes=lambda _, scores=scores: scores)
        assert (result.verdict, result.local_probe) == (verdict, 0.55)
        assert any("70.0% of the labels in odd" in why for why in result.reasons) == (verdict == "fail")


@pytest.mark.usefixtures("clean_probes")
def test_one_label_is_nothing_to_learn(tmp_path: Path) -> None:
    def flatten(sample: Sample, _random: np.random.Generator) -> None:
        sample.label = 1

    result = audit(packed(tmp_path / "packed", twins(500, edit=flatten)))
    assert result.verdict == "fail"
    assert any("same label" in why for why in result.reasons)


def test_a_single_group_is_inconclusive(tmp_path: Path) -> None:
    samples = twins(600)
    for sample in samples:
        sample.group, sample.info = "one", {**sample.info, "split": "train"}
    result = audit(packed(tmp_path / "packed", samples), local_probes=lambda _: local(0.5))
    assert (result.verdict, result.probe, result.local_probe) == ("inconclusive", None, None)
    assert "all graphs belong to one group" in result.reasons[0]  # there are enough of them
    json.dumps(result.to_json(), allow_nan=False)


@pytest.mark.usefixtures("clean_probes")
def test_large_sets_are_probed_on_whole_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "MAX_SAMPLES", 101)
    graphs = packed(tmp_path / "packed", twins(200))
    seen: list[int] = []

    def look(view: object) -> tuple[ProbeScore, ...]:
        groups = view.groups  # type: ignore[attr-defined]
        seen.extend(np.unique(groups, return_counts=True)[1].tolist())
        return local(0.5)

    result = audit(graphs, local_probes=look)
    assert (result.samples, result.probed) == (200, 100)
    assert seen == [2] * 50
