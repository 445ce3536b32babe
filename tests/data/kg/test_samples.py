"""What a sample of a fact looks like."""

from __future__ import annotations

import pytest

from nsm.data.kg.samples import kg_schema
from nsm.data.kg.source import KgSource, Shard
from nsm.data.triples import Sample, Schema
from tests.data.kg.toy_facts import ToySettings, toy_folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Sample], Schema]:
    source = KgSource(ToySettings(toy_folder(tmp_path_factory.mktemp("toy"))), 0)
    return source.make(Shard(0, 0, 20)), source.schema


def test_samples_fit_their_schema(made: tuple[list[Sample], Schema]) -> None:
    samples, schema = made
    assert len(samples) == 80
    for sample in samples:
        sample.check(schema)
        assert [schema.node_types[kind] for kind in (*sample.node_type[:2], sample.node_type[-1])] == [
            "head",
            "tail",
            "question",
        ]
        assert [schema.roles[r] for r in (*sample.role[:2], sample.role[-1])] == ["head", "tail", "query"]
        assert (sample.role[2:-1] == 0).all()


def test_the_question_stands_between_head_and_tail(made: tuple[list[Sample], Schema]) -> None:
    samples, schema = made
    for sample in samples:
        triples = [(t.head, t.relation, t.tail) for t in sample.triples(schema) if "?" in (t.head, t.tail)]
        head, tail, asked = sample.names[0], sample.names[1], sample.info["relation"]
        others = [("?", "about", name) for name in sample.names[2:-1]]
        assert sorted(triples) == sorted([(head, asked, "?"), ("?", asked, tail), *others])


def test_facts_of_the_asked_relation_stand_twice(made: tuple[list[Sample], Schema]) -> None:
    samples, schema = made
    seen = 0
    for sample in samples:
        facts = [t for t in sample.triples(schema) if "?" not in (t.head, t.tail)]
        own = {(t.head, t.tail, t.confidence) for t in facts if t.relation == sample.info["relation"]}
        assert own == {(t.head, t.tail, t.confidence) for t in facts if t.relation == "asked"}
        seen += len(own)
    assert seen


def test_evidence_connects_head_and_tail_of_true_facts_only(made: tuple[list[Sample], Schema]) -> None:
    samples, schema = made
    assert any(sample.evidence_triples for sample in samples)
    for sample in samples:
        if schema.labels[sample.label] == "false":
            assert not sample.evidence_triples
            continue
        triples = sample.triples(schema)
        reached = {sample.names[0]}
        for _ in sample.evidence_triples:
            for number in sample.evidence_triples:
                ends = {triples[number].head, triples[number].tail}
                reached |= ends if ends & reached else set()
        assert (sample.names[1] in reached) == bool(sample.evidence_triples)


def test_a_graph_may_have_our_relations_of_its_own() -> None:
    assert kg_schema(("r", "asked"), 2).relations == ("r (fact)", "asked (fact)", "about", "asked")
    assert kg_schema(("r",), 2).relations == ("r", "about", "asked")
    assert len(kg_schema(("r",), 3).node_types) == 3 + 9
