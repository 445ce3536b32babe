"""The balance of facts: counted as by hand, blind to order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nsm.config import PlanningConfig
from nsm.data.packed import PackedGraphs
from nsm.data.planning import balance
from nsm.data.planning.balance import balance_features
from nsm.data.planning.source import PlanningSource, Shard
from nsm.data.triples import Sample
from nsm.data.writing import write_packed

SOURCE = PlanningSource(PlanningConfig(graphs=200), seed=3)


def packed(folder: Path, samples: list[Sample]) -> PackedGraphs:
    pinned = [replace(sample, info={**sample.info, "split": "train"}) for sample in samples]
    write_packed(folder, SOURCE.schema, pinned)
    return PackedGraphs.open(folder)


def by_hand(sample: Sample) -> Counter[str]:
    """Role and balance of each fact, from the triples of the sample one by one."""
    found: Counter[int] = Counter()
    for relation, tail in zip(sample.relation.tolist(), sample.tail.tolist(), strict=True):
        found[tail] += {"initial": 1, "adds": 1, "consumes": -1, "deletes": -1}.get(
            SOURCE.schema.relations[relation], 0
        )
    facts = [(node, SOURCE.schema.roles[sample.role[node]]) for node in np.flatnonzero(sample.node_type == 1).tolist()]
    return Counter(f"facts {role!r} with balance {min(max(found[node], -2), 3):+d}" for node, role in facts)


def test_counts_are_those_made_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balance, "CHUNK", 5)
    samples = [sample for family in ("ferry", "grid") for sample in SOURCE.make(Shard(family, 0, 6))]
    table = balance_features(packed(tmp_path / "packed", samples))
    for row, sample in zip(table.values, samples, strict=True):
        counted = {name: int(value) for name, value in zip(table.names, row, strict=True) if value}
        assert counted == by_hand(sample)


def test_in_a_working_plan_every_balance_fits_and_in_a_swapped_one_some_do_not(tmp_path: Path) -> None:
    samples = [sample for family in SOURCE.families for sample in SOURCE.make(Shard(family, 0, 20))]
    table = balance_features(packed(tmp_path / "packed", samples))
    odd = [name.endswith(("-2", "-1", "+2", "+3")) for name in table.names]
    odd = [is_odd or ("goal'" in name and name.endswith("+0")) for is_odd, name in zip(odd, table.names, strict=True)]
    shows = table.values[:, odd].any(axis=1)
    labels, kinds = np.array([s.label for s in samples]), np.array([s.info["swap"] for s in samples])
    assert not shows[labels == 1].any()
    assert not shows[kinds == "order"].any()
    assert shows[(labels == 0) & (kinds != "order")].any()
