"""Training a link scorer: it learns, it repeats itself, it stops when told to."""

from __future__ import annotations

import signal

import numpy as np
import torch

from nsm.data.links import LinkGraph
from nsm.models.link import LinkScorer
from nsm.training.link_training import LinkTraining, query_edges, train_link_scorer

CPU = torch.device("cpu")


def ring(size: int = 12) -> LinkGraph:
    """``next`` leads round a ring, ``after`` two steps further: what follows from what is clear."""
    node = np.arange(size)
    head, tail = np.concatenate([node, node]), np.concatenate([(node + 1) % size, (node + 2) % size])
    relation = np.repeat([0, 1], size)
    return LinkGraph(head, relation, tail, np.ones(2 * size, np.float32), size, 2)


def trained(epochs: int, seed: int = 0, **changes: int) -> tuple[LinkScorer, list[int]]:
    torch.manual_seed(seed)
    model, steps = LinkScorer(2, channels=16, num_layers=2), list[int]()

    def advance(done: int, total: int, what: str) -> None:
        assert (total, what) == (epochs * 3, "steps")
        steps.append(done)

    assert train_link_scorer(model, ring(), LinkTraining(epochs, seed=seed, **changes), CPU, advance)
    return model, steps


def test_it_learns_what_follows() -> None:
    model, steps = trained(40)
    assert steps == list(range(1, 121))
    assert not model.training
    graph = ring()
    source = torch.arange(12)
    fact = torch.arange(12, 24)  # the fact in question is hidden, as in training
    with torch.no_grad():
        scores = model(query_edges(graph, CPU), source, torch.ones(12, dtype=torch.long), fact, torch.arange(12))
    scores[torch.arange(12), source] = -torch.inf
    assert (scores.argmax(1) == (source + 2) % 12).float().mean() > 0.9


def test_the_same_seed_gives_the_same_weights() -> None:
    one, again, other = (trained(2, seed)[0].state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(weight, again[name]) for name, weight in one.items())
    assert not all(torch.equal(weight, other[name]) for name, weight in one.items())


def test_an_interruption_ends_it_after_the_step() -> None:
    model, steps = LinkScorer(2, channels=8, num_layers=1), list[int]()

    def advance(done: int, total: int, what: str) -> None:
        del total, what
        steps.append(done)
        if done == 2:
            signal.raise_signal(signal.SIGINT)

    assert not train_link_scorer(model, ring(), LinkTraining(3), CPU, advance)
    assert steps == [1, 2]
    assert not model.training
