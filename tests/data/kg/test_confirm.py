"""The second witness: it agrees with honest samples, and notices each kind of dishonest one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nsm.data.kg.clutrr import ClutrrSource
from nsm.data.kg.confirm import confirmed_share, confirmed_stories, crossing_entities
from nsm.data.kg.reading import find_files
from nsm.data.kg.source import KgSource, Shard
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Sample, Schema
from nsm.data.writing import write_packed
from tests.data.kg.stories import write_stories
from tests.data.kg.toy_facts import ToySettings, toy_folder

Change = Callable[[Sample, Schema], Sample]


def packed(folder: Path, schema: Schema, samples: list[Sample]) -> PackedGraphs:
    write_packed(folder, schema, samples)
    return PackedGraphs.open(folder)


def with_edge(sample: Sample, head: int, relation: int, tail: int) -> Sample:
    return replace(
        sample,
        head=np.append(sample.head, head),
        relation=np.append(sample.relation, relation),
        tail=np.append(sample.tail, tail),
        confidence=np.append(sample.confidence, np.float32(1)),
        level=np.append(sample.level, np.uint8(1)),
    )


def wrong_label(sample: Sample, schema: Schema) -> Sample:
    del schema
    return replace(sample, label=1 - sample.label)


def fact_itself(sample: Sample, schema: Schema) -> Sample:
    return with_edge(sample, 0, schema.relations.index(str(sample.info["relation"])), 1)


def fact_itself_as_asked(sample: Sample, schema: Schema) -> Sample:
    return with_edge(sample, 0, schema.relations.index("asked"), 1)


def invented_fact(sample: Sample, schema: Schema) -> Sample:
    facts = {(h, t) for h, r, t in zip(sample.head, sample.relation, sample.tail, strict=True) if r == 0}
    node = next(n for n in range(2, sample.num_nodes - 1) if (n, n) not in facts)
    assert schema.relations[0] == "helps"
    return with_edge(sample, node, 0, node)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> tuple[KgSource, list[Sample], list[dict[str, Path]]]:
    folder = toy_folder(tmp_path_factory.mktemp("toy") / "toy")
    source = KgSource(ToySettings(folder), 0)
    return source, source.make(Shard(0, 0, 10)), [find_files(folder)]


@pytest.mark.parametrize("change", [None, wrong_label, fact_itself, fact_itself_as_asked, invented_fact])
def test_each_kind_of_dishonesty(
    toy: tuple[KgSource, list[Sample], list[dict[str, Path]]], tmp_path: Path, change: Change | None
) -> None:
    source, samples, files = toy
    changed = samples if change is None else [change(samples[0], source.schema), *samples[1:]]
    found = confirmed_share(packed(tmp_path / "packed", source.schema, changed), files)
    assert found == pytest.approx(1.0 if change is None else 1 - 1 / len(samples))


def test_entities_in_two_splits(toy: tuple[KgSource, list[Sample], list[dict[str, Path]]], tmp_path: Path) -> None:
    source, samples, _ = toy
    placed = [replace(s, info={**s.info, "split": "test" if n < 4 else "train"}) for n, s in enumerate(samples)]
    shared = {n for s in placed[:4] for n in s.names[:-1]} & {n for s in placed[4:] for n in s.names[:-1]}
    assert crossing_entities(packed(tmp_path / "one", source.schema, placed)) == len(shared) > 0
    alone = [s for s in placed if s.info["split"] == "train"]
    assert crossing_entities(packed(tmp_path / "two", source.schema, alone)) == 0


def test_stories(tmp_path: Path) -> None:
    folder = write_stories(tmp_path / "stories")
    source = ClutrrSource(folder, 0)
    samples = source.make(source.shards()[0])
    assert confirmed_stories(packed(tmp_path / "right", source.schema, samples), folder) == 1.0
    first = samples[0]
    other = (first.label + 1) % len(source.schema.labels)
    swapped = replace(first, role=np.array([{1: 2, 2: 1}.get(r, 0) for r in first.role.tolist()]))
    for number, wrong in enumerate((replace(first, label=other), swapped, replace(first, source=samples[1].source))):
        assert json.loads(wrong.source)
        found = confirmed_stories(packed(tmp_path / str(number), source.schema, [wrong, *samples[1:]]), folder)
        assert found == pytest.approx(1 - 1 / len(samples))
