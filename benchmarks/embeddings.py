"""DistMult and ComplEx, as PyTorch Geometric implements them, ranked and judged as our own models are."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch_geometric.nn import kge

from nsm.analysis.ranking import ranking_metrics, realistic_ranks
from nsm.config import Config
from nsm.data.kg.graph import FACT_SPLITS, KnowledgeGraph
from nsm.data.kg.source import open_graphs
from nsm.data.links import link_queries
from nsm.data.packed import PackedGraphs

__all__ = ["evaluate_embedding"]

CHANNELS, EPOCHS, BATCH, LEARNING_RATE, EVERY = 128, 300, 512, 1e-2, 25

Array = npt.NDArray[Any]


def evaluate_embedding(name: str, config: Config, graphs: PackedGraphs) -> tuple[Array, dict[str, float]]:
    """Trains on the training facts; keeps the weights of the best filtered MRR on the validation facts.

    Returns:
        The score of the triple of every sample, ``(G,)``, and the ranking of the test facts among all entities.
    """
    graph = open_graphs(config.kg)[0]
    torch.manual_seed(config.seed)
    model = getattr(kge, name)(graph.num_entities, graph.num_relations, CHANNELS)
    facts = [torch.from_numpy(getattr(graph.train, column)) for column in ("head", "relation", "tail")]
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    best, weights = -1.0, {}
    for epoch in range(1, EPOCHS + 1):
        model.train()
        for rows in torch.randperm(len(facts[0])).split(BATCH):
            optimizer.zero_grad()
            model.loss(*(column[rows] for column in facts)).backward()
            optimizer.step()
        if epoch % EVERY == 0:
            mrr = rank_embedding(model, graph, "valid")["mrr"]
            if mrr > best:
                best, weights = mrr, {key: value.clone() for key, value in model.state_dict().items()}
    model.load_state_dict(weights)
    return _score_samples(model, graph, graphs), rank_embedding(model, graph, "test")


@torch.no_grad()
def rank_embedding(model: torch.nn.Module, graph: KnowledgeGraph, split: str) -> dict[str, float]:
    """Filtered, realistic ranks among all entities, in both directions."""
    model.eval()
    asked, known = (_queries(graph, *splits) for splits in ((split,), FACT_SPLITS))
    everyone, ranks = torch.arange(graph.num_entities), []
    rows_of_known = known.find(asked.source, asked.relation)
    for row, (source, relation) in enumerate(zip(asked.source.tolist(), asked.relation.tolist(), strict=True)):
        given = torch.full_like(everyone, source)
        kind = torch.full_like(everyone, relation % graph.num_relations)
        ends = (given, everyone) if relation < graph.num_relations else (everyone, given)
        scores = model(ends[0], kind, ends[1]).numpy()
        is_candidate = np.ones(graph.num_entities, bool)
        is_candidate[known.answer[known.of(rows_of_known[row : row + 1])[0]]] = False
        targets = asked.answer[asked.of(np.array([row]))[0]]
        several = len(targets), 1
        ranks.append(realistic_ranks(np.tile(scores, several), targets, np.tile(is_candidate, several)))
    return ranking_metrics(np.concatenate(ranks))


def _queries(graph: KnowledgeGraph, *splits: str) -> Any:
    facts = [graph.splits[split] for split in splits]
    head, relation, tail = (np.concatenate([getattr(f, name) for f in facts]) for name in ("head", "relation", "tail"))
    return link_queries(head, relation, tail, graph.num_relations)


@torch.no_grad()
def _score_samples(model: torch.nn.Module, graph: KnowledgeGraph, graphs: PackedGraphs) -> Array:
    entity = {name: number for number, name in enumerate(graph.entities)}
    relation = {name: number for number, name in enumerate(graph.relations)}
    triples = [json.loads(source)["triple"] for source in graphs.sources()]
    ids = torch.tensor([[entity[head], relation[name], entity[tail]] for head, name, tail in triples])
    scores: Array = model(ids[:, 0], ids[:, 1], ids[:, 2]).numpy()
    return scores
