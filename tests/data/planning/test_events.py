"""First and last events of facts: counted as by hand, and what they show."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nsm.config import PlanningConfig
from nsm.data.packed import PackedGraphs
from nsm.data.planning import events
from nsm.data.planning.events import event_features
from nsm.data.planning.graphs import STEP_RELATIONS
from nsm.data.planning.source import PlanningSource, Shard
from nsm.data.triples import Sample
from nsm.data.writing import write_packed

SOURCE = PlanningSource(PlanningConfig(graphs=200), seed=4)


def by_hand(sample: Sample) -> Counter[str]:
    """Follows the plan step by step and notes what happens to each fact."""
    relations = SOURCE.schema.relations
    happened: dict[int, list[str]] = {}
    for step in np.argsort(np.where(sample.node_type == 2, sample.order, 10_000), kind="stable").tolist():
        mine = [
            (relations[r], t) for h, r, t in zip(sample.head, sample.relation, sample.tail, strict=True) if h == step
        ]
        for relation, fact in sorted(mine, key=lambda row: relations.index(row[0])):
            if relation in STEP_RELATIONS:
                happened.setdefault(int(fact), []).append(relation)
    found: Counter[str] = Counter()
    for fact, row in happened.items():
        role = SOURCE.schema.roles[sample.role[fact]]
        found[f"facts {role!r}, first event {row[0]}"] += 1
        found[f"facts {role!r}, last event {row[-1]}"] += 1
    return found


def test_counts_are_those_made_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "CHUNK", 5)
    samples = [sample for family in ("ferry", "grid") for sample in SOURCE.make(Shard(family, 0, 5))]
    pinned = [replace(sample, info={**sample.info, "split": "train"}) for sample in samples]
    write_packed(tmp_path / "packed", SOURCE.schema, pinned)
    table = event_features(PackedGraphs.open(tmp_path / "packed"))
    for row, sample in zip(table.values, samples, strict=True):
        counted = {name: int(value) for name, value in zip(table.names, row, strict=True) if value}
        assert counted == by_hand(sample)
