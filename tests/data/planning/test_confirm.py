"""Confirmation of labels: a wrong label, a wrong graph and a wrong source are each found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nsm.config import PlanningConfig
from nsm.data.packed import PackedGraphs
from nsm.data.planning.confirm import confirmed_share, replay
from nsm.data.planning.source import PlanningSource, Shard
from nsm.data.triples import Sample
from nsm.data.writing import write_packed

SOURCE = PlanningSource(PlanningConfig(graphs=100), seed=5)
FAMILIES = ("gripper", "logistics")


def share(folder: Path, samples: list[Sample]) -> float:
    pinned = [replace(sample, info={**sample.info, "split": "train"}) for sample in samples]
    write_packed(folder, SOURCE.schema, pinned)
    return confirmed_share(PackedGraphs.open(folder), {family: SOURCE.domain(family) for family in FAMILIES})


def test_honest_labels_are_confirmed_and_dishonest_ones_are_not(tmp_path: Path) -> None:
    samples = [sample for family in FAMILIES for sample in SOURCE.make(Shard(family, 0, 4))]
    samples.sort(key=lambda sample: (sample.info["pair"], -sample.label))  # each valid one, then its twin
    assert share(tmp_path / "honest", samples) == 1.0
    count = len(samples)
    wrong_label = [replace(samples[0], label=1 - samples[0].label), *samples[1:]]
    assert share(tmp_path / "label", wrong_label) == pytest.approx(1 - 1 / count)
    twin = samples[1]  # the graph of the one twin with the text of the other
    assert share(tmp_path / "source", [replace(samples[0], source=twin.source), *samples[1:]]) < 1.0
    needless = replace(samples[0], relation=samples[0].relation * (samples[0].relation != 3))  # deaf to "adds"
    assert share(tmp_path / "graph", [needless, *samples[1:]]) < 1.0
    assert json.loads(twin.source)["plan"]


def test_replay_needs_every_fact_at_its_time() -> None:
    plan = [
        (0, "next", 1),
        (1, "next", 2),
        (2, "next", 3),
        (0, "initial", 4),
        (1, "deletes", 4),
        (2, "adds", 4),
    ]
    assert replay([*plan, (3, "goal", 4)])
    assert not replay([*plan, (2, "needs", 4), (3, "goal", 4)])
    assert not replay([*plan, (3, "goal_not", 4)])
    assert not replay([*plan, (1, "needs_not", 4)])
