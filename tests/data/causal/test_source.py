"""The causal data set: reproducible, in equal parts, and honest by the audit's own measure."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nsm.config import CausalConfig
from nsm.data.audit import audit
from nsm.data.build import build_dataset
from nsm.data.causal.confirm import confirmed_share
from nsm.data.causal.source import CausalSource, Shard, code_hash, split_pairs
from nsm.data.packed import PackedGraphs
from nsm.errors import DataError

SETTINGS = CausalConfig(graphs=600, max_variables=8, hidden_share=0.3)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> PackedGraphs:
    return build_dataset(CausalSource(SETTINGS, 3), tmp_path_factory.mktemp("cache"))


def test_shards_hold_all_pairs_and_counterfactuals_twice() -> None:
    shards = split_pairs(1000, ["association", "intervention", "counterfactual"])
    counts = Counter[str]()
    for shard in shards:
        assert shard.first == counts[shard.rung]
        counts[shard.rung] += shard.count
    assert counts == {"association": 250, "intervention": 250, "counterfactual": 500}


def test_a_shard_is_a_function_of_seed_and_number() -> None:
    shard = Shard("counterfactual", 100, 3)
    one, again, other = (CausalSource(SETTINGS, seed).make(shard) for seed in (0, 0, 1))
    assert [sample.source for sample in one] == [sample.source for sample in again]
    assert [sample.value.tolist() for sample in one] == [sample.value.tolist() for sample in again]
    assert [sample.source for sample in one] != [sample.source for sample in other]
    assert len(one) == 6


def test_the_key_names_all_that_determines_the_content() -> None:
    key = CausalSource(SETTINGS, 3).key()
    assert key["code"] == code_hash()
    for change in ({"graphs": 40}, {"max_variables": 9}, {"hidden_share": 0.0}, {"rungs": ("association",)}):
        assert CausalSource(SETTINGS.model_copy(update=change), 3).key() != key
    assert CausalSource(SETTINGS, 4).key() != key


def test_sizes_and_rungs_are_as_configured(graphs: PackedGraphs) -> None:
    table = graphs.table
    variables = Counter(table["variables"].to_pylist())
    assert set(variables) <= set(range(4, 9)), "a confounder that is not drawn is one less"
    assert min(variables[size] for size in (5, 6, 7, 8)) > 50
    assert set(table["confounder"].to_pylist()) == {"none", "drawn", "undrawn"}
    assert set(table["rung"].to_pylist()) == {"association", "intervention", "counterfactual"}


def test_labels_come_as_often_as_their_probability_says(graphs: PackedGraphs) -> None:
    p, labels = graphs.table["probability"].to_numpy(), graphs.labels
    np.testing.assert_allclose(graphs.table["ceiling"].to_numpy(), np.maximum(p, 1 - p))
    spread = np.sqrt((p * (1 - p)).sum())
    assert abs((labels - p).sum()) < 4.5 * spread
    assert abs((labels - p)[p > 0.5].sum()) < 4.5 * spread


def test_the_audit_passes_and_every_label_is_confirmed(graphs: PackedGraphs) -> None:
    found = audit(graphs, confirm=confirmed_share)
    assert found.verdict == "pass", found.reasons
    assert found.probe_low is not None and found.probe_low <= 0.02
    assert found.confirmed == 1.0


def test_scenarios_without_opposite_questions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nsm.data.causal.source.ATTEMPTS", 1)
    monkeypatch.setattr("nsm.data.causal.questions.MIN_GAP", 0.9999)
    with pytest.raises(DataError, match="hardly any scenario of 5 variables"):
        CausalSource(CausalConfig(graphs=20, min_variables=5, max_variables=5), 0).make(Shard("association", 0, 1))
