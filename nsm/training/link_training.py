"""Trains a link scorer: of each query some answers are hidden, and it has to find them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from nsm.data.links import LinkGraph, LinkQueries, link_queries
from nsm.models.link import LinkScorer
from nsm.nn import QueryEdges
from nsm.training.interruption import Interruption
from nsm.training.schedules import learning_rate_factor

__all__ = ["LinkTraining", "query_edges", "train_link_scorer"]

HIDDEN_SHARE = 0.3  # of a query's answers, one at least
WARMUP_SHARE = 0.1
MAX_MESSAGES = 2**19  # of one layer, which bounds the memory of a step

Ints = npt.NDArray[np.int64]
Advance = Callable[[int, int, str], None]


@dataclass(frozen=True)
class LinkTraining:
    """How a link scorer is trained.

    Args:
        epochs: Passes over the distinct queries.
        batch_size: Queries of a step; fewer where the graph is large.
        learning_rate: Peak step size of AdamW.
        clip_norm: Largest norm of the gradient.
        seed: Seed of the order and of what is hidden.
    """

    epochs: int
    batch_size: int = 16
    learning_rate: float = 5e-3
    clip_norm: float = 1.0
    seed: int = 0


def query_edges(graph: LinkGraph, device: torch.device) -> QueryEdges:
    """The facts of a graph as messages."""
    edge_index = torch.from_numpy(np.stack([graph.head, graph.tail])).to(device)
    edge_type, weight = torch.from_numpy(graph.relation).to(device), torch.from_numpy(graph.confidence).to(device)
    return QueryEdges(edge_index, edge_type, weight, graph.num_entities, graph.num_relations)


def train_link_scorer(
    model: LinkScorer,
    graph: LinkGraph,
    how: LinkTraining,
    device: torch.device,
    advance: Advance,
    stop_file: Path | None = None,
) -> bool:
    """Trains to the end, or until Ctrl-C, SIGTERM or a stop file.

    Args:
        model: Changed in place; ends in evaluation mode.
        graph: The training facts; each is asked for in both directions.
        how: What to do.
        device: Where the model is.
        advance: Told of each step.
        stop_file: Whoever makes it ends the training.

    Returns:
        Whether it was trained to the end.
    """
    queries = link_queries(graph.head, graph.relation, graph.tail, graph.num_relations)
    edges = query_edges(graph, device)
    optimizer = torch.optim.AdamW(model.parameters(), how.learning_rate, weight_decay=1e-4)
    size = max(1, min(how.batch_size, MAX_MESSAGES // (2 * len(graph.head))))
    total = how.epochs * -(-len(queries) // size)
    model.train()
    with Interruption(stop_file) as interruption:
        for step, (rows, rng) in enumerate(_batches(len(queries), size, how)):
            factor = learning_rate_factor(
                step, schedule="cosine", warmup_steps=int(WARMUP_SHARE * total), total_steps=total
            )
            for group in optimizer.param_groups:
                group["lr"] = how.learning_rate * factor
            optimizer.zero_grad()
            loss = _loss(model, edges, queries, rows, rng, device)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), how.clip_norm)
            optimizer.step()
            advance(step + 1, total, "steps")
            if interruption.requested:
                break
    model.eval()
    return not interruption.requested


def _batches(count: int, size: int, how: LinkTraining) -> Iterator[tuple[Ints, np.random.Generator]]:
    """The queries of each step, in an order of its own for each epoch, and the generator of what is hidden."""
    for epoch in range(how.epochs):
        rng = np.random.default_rng([how.seed, epoch])
        order = rng.permutation(count)
        for first in range(0, count, size):
            yield order[first : first + size], rng


def _loss(
    model: LinkScorer,
    edges: QueryEdges,
    queries: LinkQueries,
    rows: Ints,
    rng: np.random.Generator,
    device: torch.device,
) -> Tensor:
    """Mean over the hidden answers of the cross-entropy of each against all entities that are no answers."""
    position, row = queries.of(rows)
    drawn = rng.random(len(position))
    lowest = np.full(len(rows), 2.0)
    np.minimum.at(lowest, row, drawn)
    is_hidden = (drawn < HIDDEN_SHARE) | (drawn == lowest[row])
    source, relation, fact, hidden, answer, owner, asked = (
        torch.from_numpy(column).to(device)
        for column in (
            queries.source[rows],
            queries.relation[rows],
            queries.fact[position[is_hidden]],
            row[is_hidden],
            queries.answer[position],
            row,
            queries.answer[position[is_hidden]],
        )
    )
    scores = model(edges, source, relation, fact, hidden)
    is_answer = torch.zeros_like(scores, dtype=torch.bool)
    is_answer[owner, answer] = True
    others = scores.masked_fill(is_answer, -torch.inf).logsumexp(dim=1)
    return functional.softplus(others[hidden] - scores[hidden, asked]).mean()
