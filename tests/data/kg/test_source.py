"""The data set of a knowledge graph, from files to splits."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nsm.data.build import build_dataset
from nsm.data.kg.source import DEGREES, KgSource, open_graphs
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Sample
from nsm.errors import DataError
from tests.data.kg.toy_facts import ToySettings, toy_folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> KgSource:
    return KgSource(ToySettings(toy_folder(tmp_path_factory.mktemp("toy"))), 0)


@pytest.fixture(scope="module")
def graphs(source: KgSource, tmp_path_factory: pytest.TempPathFactory) -> PackedGraphs:
    return build_dataset(source, tmp_path_factory.mktemp("cache"))


def every(source: KgSource) -> list[Sample]:
    return [sample for shard in source.shards() for sample in source.make(shard)]


def test_four_samples_of_a_pair_stay_together(graphs: PackedGraphs) -> None:
    pairs = Counter(graphs.table["pair"].to_pylist())
    assert set(pairs.values()) == {4}
    rows = list(zip(graphs.table["pair"].to_pylist(), graphs.splits.tolist(), graphs.labels.tolist(), strict=True))
    assert len({(pair, split) for pair, split, _ in rows}) == len(pairs)
    assert set(Counter((pair, label) for pair, _, label in rows).values()) == {2}
    assert set(graphs.splits.tolist()) == {0, 1, 2}


def test_hidden_facts_are_the_same_in_all_four_and_nothing_else_is(source: KgSource) -> None:
    graph = source.graphs[0]
    facts = graph.train
    for sample in every(source):
        four = set(sample.group.split("/")[-4:])
        place = {name: node for node, name in enumerate(sample.names[:-1])}
        shown = {(t.head, t.relation, t.tail) for t in sample.triples(source.schema) if "?" not in (t.head, t.tail)}
        expected = set()
        for h, r, t in zip(facts.head.tolist(), facts.relation.tolist(), facts.tail.tolist(), strict=True):
            head, relation, tail = graph.entities[h], graph.relations[r], graph.entities[t]
            if head in place and tail in place and not (head in four and tail in four):
                expected |= {(head, relation, tail)}
                expected |= {(head, "asked", tail)} if relation == sample.info["relation"] else set()
        assert shown == expected


def test_degrees_are_those_of_the_training_graph(source: KgSource) -> None:
    graph = source.graphs[0]
    facts, names = graph.train, list(graph.entities)
    for sample in every(source)[:60]:
        head, tail = names.index(sample.names[0]), names.index(sample.names[1])
        asked = facts.relation == graph.relations.index(str(sample.info["relation"]))
        is_head, is_tail = facts.head, facts.tail
        expected = [
            (is_head == head).sum(),
            (is_tail == head).sum(),
            (is_head == tail).sum(),
            (is_tail == tail).sum(),
            ((is_head == head) & asked).sum(),
            ((is_tail == tail) & asked).sum(),
        ]
        assert [sample.info[name] for name in DEGREES] == expected


def test_the_same_from_another_process(source: KgSource) -> None:
    again = pickle.loads(pickle.dumps(source))
    assert "graphs" not in vars(again)
    shard = source.shards()[0]
    for one, other in zip(source.make(shard), again.make(shard), strict=True):
        assert (one.names, one.info, one.source) == (other.names, other.info, other.source)
        assert np.array_equal(one.head, other.head) and np.array_equal(one.relation, other.relation)


def test_the_key_knows_the_files_and_the_settings(source: KgSource, tmp_path: Path) -> None:
    settings = source.settings
    assert isinstance(settings, ToySettings)
    keys = [
        source.key(),
        KgSource(settings, 1).key(),
        KgSource(replace(settings, hops=1), 0).key(),
        KgSource(replace(settings, graph=toy_folder(tmp_path, seed=5)), 0).key(),
    ]
    assert len({str(key) for key in keys}) == len(keys)
    assert "graph'" not in str(source.key())  # where the files are does not matter


def test_at_most_so_many_graphs(source: KgSource) -> None:
    assert isinstance(source.settings, ToySettings)
    few = KgSource(replace(source.settings, graphs=100), 0)
    splits = Counter(sample.info["split"] for sample in every(few))
    assert splits["train"] == 68 and splits["val"] <= 8 and splits["test"] <= 20


def test_an_inductive_pair_is_tested_on_the_other_graph(tmp_path: Path) -> None:
    settings = ToySettings(toy_folder(tmp_path / "one"), toy_folder(tmp_path / "two", prefix="x", seed=1))
    source = KgSource(settings, 0)
    for sample in every(source):
        is_other = sample.info["split"] == "test"
        assert all(name.startswith("x" if is_other else "e") for name in sample.names[:-1])
        assert sample.group.startswith("test/") == is_other
    assert {sample.info["split"] for sample in every(source)} == {"train", "val", "test"}


def test_the_other_graph_has_no_relations_of_its_own(tmp_path: Path) -> None:
    settings = ToySettings(toy_folder(tmp_path / "one"), toy_folder(tmp_path / "two"))
    file = tmp_path / "two" / "train.txt"
    file.write_text(file.read_text() + "e0\tnew\te1\n")
    with pytest.raises(DataError, match=r"one/train\.txt, got 'new'") as caught:
        open_graphs(settings)
    assert caught.value.line == len(file.read_text().splitlines())


@pytest.mark.needs_pykeen
def test_a_bundled_graph() -> None:
    graph = open_graphs(ToySettings(None, dataset="nations"))[0]
    assert (graph.name, graph.num_entities, graph.num_relations) == ("nations", 14, 55)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_facts_that_cannot_trade_tails_are_told(tmp_path: Path, split: str) -> None:
    folder = toy_folder(tmp_path)
    (folder / f"{split}.txt").write_text("e0\tlikes\te1\ne0\thelps\te2\ne0\tknows\te3\n", encoding="utf-8")
    with pytest.raises(DataError, match="can trade tails, found none") as caught:
        _ = KgSource(ToySettings(folder), 0).swaps
    assert caught.value.file == str(folder / f"{split}.txt")
