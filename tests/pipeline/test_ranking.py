"""From a run on a knowledge graph to filtered ranks, against a ranking in plain Python."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nsm import pipeline
from nsm.config import Config, KgConfig
from nsm.data.kg.source import open_graphs
from nsm.data.links import LinkGraph
from nsm.errors import CheckpointError, RunError
from nsm.models.link import LinkScorer
from nsm.pipeline import ranking
from nsm.pipeline.ranking import rank, train_ranker
from nsm.runs import Run, exclusive, is_held
from nsm.training.link_training import query_edges
from tests.data.kg.toy_facts import toy_folder
from tests.training.toy_graphs import SMALL


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("toy")
    kg = KgConfig(
        graph=toy_folder(folder / "one"),
        inductive=toy_folder(folder / "two", prefix="x", seed=1),
        rank_epochs=1,
        rank_layers=2,
        rank_channels=8,
        max_nodes=6,
        graphs=200,
        allow_leaks=True,
    )
    return SMALL.model_copy(update={"domain": "kg", "kg": kg, "epochs": 1, "root": folder / "root"})


@pytest.fixture(scope="module")
def run(config: Config) -> Run:
    return pipeline.train(config.model_copy(update={"run": "toy"}), quiet=True).run


def plain_ranks(config: Config, run: Run, graph_number: int, split: str) -> list[float]:
    """Each fact by its tail and by its head, one by one, filtered by sets."""
    graph = open_graphs(config.kg)[graph_number]
    model = LinkScorer(graph.num_relations, channels=8, num_layers=2)
    model.load_state_dict(torch.load(run.ranker, weights_only=True))
    model.eval()
    f, known = graph.train, set()
    for facts in graph.splits.values():
        known |= set(zip(facts.head.tolist(), facts.relation.tolist(), facts.tail.tolist(), strict=True))
    links = LinkGraph(f.head, f.relation, f.tail, f.confidence, graph.num_entities, graph.num_relations)
    edges, ranks = query_edges(links, torch.device("cpu")), []
    asked = graph.splits[split]
    for h, r, t in zip(asked.head.tolist(), asked.relation.tolist(), asked.tail.tolist(), strict=True):
        for source, relation, answer in ((h, r, t), (t, r + graph.num_relations, h)):
            with torch.no_grad():
                scores = model(edges, torch.tensor([source]), torch.tensor([relation]))[0].tolist()
            triples = {e: (h, r, e) if relation < graph.num_relations else (e, r, t) for e in range(len(scores))}
            others = [scores[e] for e in triples if e != answer and triples[e] not in known]
            higher = sum(score > scores[answer] + 1e-6 for score in others)
            equal = sum(abs(score - scores[answer]) <= 1e-6 for score in others)
            ranks.append(1 + higher + equal / 2)
    return ranks


@pytest.mark.parametrize(("split", "number", "facts"), [("test", 1, "test"), ("val", 0, "valid")])
def test_filtered_ranks_are_those_of_plain_python(
    config: Config, run: Run, split: str, number: int, facts: str
) -> None:
    found = rank(config, run, split, quiet=True)["ranking"]["all"]
    ranks = np.array(plain_ranks(config, run, number, facts))
    assert found["mrr"] == pytest.approx((1 / ranks).mean(), abs=1e-3)
    assert found["mean_rank"] == pytest.approx(ranks.mean(), abs=0.1)
    assert found["hits_at_10"] == pytest.approx((ranks <= 10).mean(), abs=0.02)


def test_the_evaluation_tells_the_ranking_and_its_protocol(config: Config, run: Run) -> None:
    figures = pipeline.evaluate(run, quiet=True).figures
    assert {"accuracy", "average_precision", "mrr", "hits_at_1", "hits_at_3", "hits_at_10"} <= figures.keys()
    assert figures["mrr"] == figures["ranking"]["sampled"]["mrr"]  # entities of another graph
    assert "50 sampled negatives" in figures["protocol"]
    assert "highest logit" in figures["protocol"]
    validation = rank(config, run, "val", quiet=True)
    assert validation["mrr"] == validation["ranking"]["all"]["mrr"]
    assert "against all entities" in validation["protocol"]
    assert rank(config, run, "train", quiet=True) == {}  # they are the graph


def test_fewer_negatives_are_drawn_where_asked(config: Config, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "NEGATIVES", 3)
    found = rank(config, run, "test", quiet=True)["ranking"]
    assert 1 <= found["sampled"]["mean_rank"] <= 4
    assert found["sampled"]["mean_rank"] < found["all"]["mean_rank"]


def test_each_candidate_is_drawn_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "NEGATIVES", 2)
    is_candidate = np.tile([True, True, False, True, True], (4000, 1))
    drawn = ranking._draw(is_candidate, np.random.default_rng(0))
    assert (drawn.sum(axis=1) == 2).all()
    np.testing.assert_allclose(drawn.mean(axis=0), [0.5, 0.5, 0, 0.5, 0.5], atol=0.04)
    few = np.array([[True, False, False, False]])
    assert ranking._draw(few, np.random.default_rng(0)).tolist() == few.tolist()


def test_a_damaged_ranker(config: Config, run: Run, tmp_path: Path) -> None:
    other = replace(run, folder=tmp_path)
    assert rank(config, other, "test", quiet=True) == {}
    other.ranker.write_bytes(run.ranker.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="damaged"):
        rank(config, other, "test", quiet=True)
    torch.save({"x": torch.zeros(1)}, other.ranker)
    with pytest.raises(CheckpointError, match="another graph"):
        rank(config, other, "test", quiet=True)


def test_an_interrupted_ranker_is_not_kept(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "train_link_scorer", lambda *_, **__: False)
    other = Run(tmp_path)
    assert not train_ranker(config, other, quiet=True)
    assert not other.ranker.exists()


def test_the_ranker_has_the_run_for_itself_and_can_be_stopped(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Run(tmp_path)
    with exclusive(other), pytest.raises(RunError, match="is being trained"):
        train_ranker(config, other, quiet=True)
    seen = []

    def watch(*_: object, stop_file: Path) -> bool:
        seen.append((is_held(other), stop_file))
        return False

    monkeypatch.setattr(ranking, "train_link_scorer", watch)
    train_ranker(config, other, quiet=True)
    assert seen == [(True, other.stop)]
