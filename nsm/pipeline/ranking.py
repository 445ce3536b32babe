"""Link prediction for the runs of knowledge graphs: a link scorer is trained beside the model, and ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console

from nsm.analysis.ranking import ranking_metrics, realistic_ranks
from nsm.config import Config
from nsm.data.kg.graph import FACT_SPLITS, KnowledgeGraph
from nsm.data.kg.source import open_graphs
from nsm.data.links import LinkGraph, LinkQueries, link_queries
from nsm.data.writing import SPLITS
from nsm.errors import CheckpointError
from nsm.models.link import LinkScorer
from nsm.runs import Run
from nsm.training.checkpoints import FOREIGN, write_weights
from nsm.training.device import open_fabric
from nsm.training.link_training import LinkTraining, query_edges, train_link_scorer
from nsm.training.progress import PartsBar
from nsm.training.retention import owning
from nsm.training.seeds import seed_everything

__all__ = ["rank", "train_ranker"]

Array = npt.NDArray[Any]

NEGATIVES = 50
MAX_CELLS = 2**22  # queries x messages scored at a time

PROTOCOL = (
    "Ranking: every {split} fact of {graph} is asked for twice, by its tail and by its head, over the graph of "
    "{edges:,} training facts. Filtered: other known answers of any split are no candidates. Ranks are realistic (the "
    "mean of the best and the worst that ties allow), averaged over {queries:,} queries, in both directions together. "
    "'mrr' and 'hits_at_k' are against {main}; 'ranking' has both protocols: all {entities:,} entities, and "
    "{negatives} negatives per query, drawn uniformly from the other candidates with seed {seed}."
)


def train_ranker(config: Config, run: Run, *, quiet: bool = False) -> bool:
    """Trains a link scorer on the configured graph and keeps it in the run folder as ``ranker.pt``.

    Returns:
        Whether it was trained to the end. It takes a minute or so: what was interrupted is not kept, and begins again.

    Raises:
        RunError: If another process trains the run, or the disk is full.
    """
    graph, device = open_graphs(config.kg)[0], open_fabric(config).device
    seed_everything(config.seed)
    model = _build(config, graph.num_relations).to(device)
    how = LinkTraining(epochs=config.kg.rank_epochs, seed=config.seed)
    with owning(run), PartsBar("training the ranker", Console(stderr=True, quiet=quiet)) as bar:
        is_finished = train_link_scorer(model, _link_graph(graph), how, device, bar, stop_file=run.stop)
        if is_finished:
            write_weights(run.ranker, model)
    return is_finished


def rank(config: Config, run: Run, split: str, *, quiet: bool = False) -> dict[str, Any]:
    """Ranks the facts of a split among all entities and among 50 sampled ones.

    Args:
        config: What ran.
        run: The run.
        split: ``test``, ``val`` or ``train``.
        quiet: Whether to show no progress.

    Returns:
        ``mrr``, ``hits_at_1``, ``hits_at_3``, ``hits_at_10``, ``ranking`` and its ``protocol``; nothing where the run
        has no ranker, and for the training facts, which are the graph.

    Raises:
        CheckpointError: If ``ranker.pt`` is damaged or for another graph.
    """
    if split == "train" or not run.ranker.exists():
        return {}
    graphs = open_graphs(config.kg)
    graph = graphs[-1] if split == "test" else graphs[0]
    model = _load(config, run, graph.num_relations)
    ranks = _rank(model, config, graph, split, quiet=quiet)
    found = {name: ranking_metrics(values) for name, values in ranks.items()}
    main = "sampled" if len(graphs) > 1 and split == "test" else "all"
    told = {"all": "all entities", "sampled": f"{NEGATIVES} sampled negatives"}[main]
    protocol = PROTOCOL.format(
        split=FACT_SPLITS[SPLITS.index(split)],
        graph=graph.name,
        edges=len(graph.train),
        queries=len(ranks[main]),
        main=told,
        entities=graph.num_entities,
        negatives=NEGATIVES,
        seed=config.seed,
    )
    keys = ("mrr", "hits_at_1", "hits_at_3", "hits_at_10")
    return {**{key: found[main][key] for key in keys}, "ranking": found, "protocol": protocol}


def _build(config: Config, num_relations: int) -> LinkScorer:
    return LinkScorer(num_relations, channels=config.kg.rank_channels, num_layers=config.kg.rank_layers)


def _load(config: Config, run: Run, num_relations: int) -> LinkScorer:
    device = open_fabric(config).device
    model = _build(config, num_relations)
    try:
        model.load_state_dict(torch.load(run.ranker, map_location="cpu", weights_only=True))
    except FOREIGN as error:
        message = "the ranker is damaged or was trained on another graph"
        raise CheckpointError(message, file=run.ranker, hint="train again") from error
    return model.to(device).eval()


def _link_graph(graph: KnowledgeGraph) -> LinkGraph:
    facts = graph.train
    return LinkGraph(facts.head, facts.relation, facts.tail, facts.confidence, graph.num_entities, graph.num_relations)


@torch.no_grad()
def _rank(model: LinkScorer, config: Config, graph: KnowledgeGraph, split: str, *, quiet: bool) -> dict[str, Array]:
    """Ranks of all facts in both directions, by protocol; the answers of one query are ranked in one pass."""
    device = next(model.parameters()).device
    edges = query_edges(_link_graph(graph), device)
    queries, known = _queries(graph, FACT_SPLITS[SPLITS.index(split)]), _queries(graph, *FACT_SPLITS)
    rows_of_known = known.find(queries.source, queries.relation)
    size = max(1, min(64, MAX_CELLS // max(1, 2 * len(graph.train))))
    rng = np.random.default_rng(config.seed)
    ranks: dict[str, list[Array]] = {"all": [], "sampled": []}
    with PartsBar("ranking", Console(stderr=True, quiet=quiet)) as bar:
        for first in range(0, len(queries), size):
            rows = np.arange(first, min(first + size, len(queries)))
            source, relation = (torch.from_numpy(c[rows]).to(device) for c in (queries.source, queries.relation))
            scores = model(edges, source, relation).float().cpu().numpy()
            is_candidate = np.ones(scores.shape, bool)
            position, row = known.of(rows_of_known[rows])
            is_candidate[row, known.answer[position]] = False
            position, row = queries.of(rows)
            target = queries.answer[position]
            ranks["all"].append(realistic_ranks(scores[row], target, is_candidate[row]))
            drawn = _draw(is_candidate[row], rng)
            ranks["sampled"].append(realistic_ranks(scores[row], target, drawn))
            bar(int(rows[-1]) + 1, len(queries), "queries")
    return {name: np.concatenate(parts) for name, parts in ranks.items()}


def _queries(graph: KnowledgeGraph, *splits: str) -> LinkQueries:
    facts = [graph.splits[split] for split in splits]
    head, relation, tail = (np.concatenate([getattr(f, name) for f in facts]) for name in ("head", "relation", "tail"))
    return link_queries(head, relation, tail, graph.num_relations)


def _draw(is_candidate: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """At most `NEGATIVES` candidates of each row, each as likely as any other."""
    if is_candidate.shape[1] <= NEGATIVES:
        return is_candidate
    key = np.where(is_candidate, rng.random(is_candidate.shape), 2.0)
    last = np.partition(key, NEGATIVES - 1, axis=1)[:, NEGATIVES - 1 : NEGATIVES]
    return is_candidate & (key <= last)
