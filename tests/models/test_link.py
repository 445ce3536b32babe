"""The link scorer: what it sees, and what it must not."""

from __future__ import annotations

import torch

from nsm.models.link import LinkScorer
from nsm.nn import QueryEdges

CHAIN = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])  # and node 5 apart
TYPES, WEIGHTS = torch.tensor([0, 1, 0, 1]), torch.ones(4)


def edges_of(index: torch.Tensor = CHAIN, kinds: torch.Tensor = TYPES, weights: torch.Tensor = WEIGHTS) -> QueryEdges:
    return QueryEdges(index, kinds, weights, 6, 2)


def scorer(layers: int = 2) -> LinkScorer:
    torch.manual_seed(0)
    return LinkScorer(2, channels=8, num_layers=layers).double().eval()


def double(edges: QueryEdges) -> QueryEdges:
    edges._weight = edges._weight.double()
    return edges


def test_every_parameter_has_a_gradient() -> None:
    model = scorer(3)
    source, relation = torch.tensor([0, 2, 4, 3]), torch.tensor([0, 1, 2, 3])
    model(double(edges_of()), source, relation).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_queries_do_not_see_each_other() -> None:
    model, edges = scorer(), double(edges_of())
    source, relation = torch.tensor([0, 2, 4]), torch.tensor([0, 3, 1])
    together = model(edges, source, relation)
    assert together.shape == (3, 6)
    for row in range(3):
        alone = model(edges, source[row : row + 1], relation[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone)


def test_messages_run_as_far_as_there_are_layers() -> None:
    model, edges, asked = scorer(2), double(edges_of()), torch.tensor([0, 0])
    one, other = model(edges, torch.tensor([0, 1]), asked).detach()
    torch.testing.assert_close(one[4], other[4])  # three steps from one head and four from the other
    assert not torch.allclose(one[3], other[3])


def test_what_no_message_reaches_is_scored_by_its_surroundings() -> None:
    index = torch.tensor([[0, 2, 4], [1, 3, 5]])
    scores = scorer(2)(
        double(edges_of(index, torch.tensor([0, 0, 1]), WEIGHTS[:3])), torch.tensor([0]), torch.tensor([0])
    )
    assert not torch.allclose(scores[0, 2], scores[0, 4])  # heads of different relations


def test_a_hidden_fact_is_as_if_it_were_not_there() -> None:
    model = scorer(3)
    source, relation = torch.tensor([0, 0]), torch.tensor([0, 0])
    hidden = model(double(edges_of()), source, relation, torch.tensor([1]), torch.tensor([1]))
    rest = [0, 2, 3]
    without = double(edges_of(CHAIN[:, rest], TYPES[rest], WEIGHTS[rest]))
    torch.testing.assert_close(hidden[1:], model(without, source[1:], relation[1:]))
    torch.testing.assert_close(hidden[:1], model(double(edges_of()), source[:1], relation[:1]))
    assert not torch.allclose(hidden[0], hidden[1])


def test_entities_have_no_names() -> None:
    model, order = scorer(3), torch.tensor([4, 2, 5, 0, 1, 3])
    one = model(double(edges_of()), torch.tensor([1]), torch.tensor([2]))
    other = model(double(edges_of(order[CHAIN])), order[torch.tensor([1])], torch.tensor([2]))
    torch.testing.assert_close(one, other[:, order])


def test_confidence_is_a_strength() -> None:
    model, source, relation = scorer(), torch.tensor([0]), torch.tensor([0])
    whole, half = (model(double(edges_of(weights=WEIGHTS * share)), source, relation) for share in (1.0, 0.5))
    assert not torch.allclose(whole, half)


def test_a_graph_without_facts() -> None:
    nothing = double(edges_of(torch.empty((2, 0), dtype=torch.long), TYPES[:0], WEIGHTS[:0]))
    scores = scorer()(nothing, torch.tensor([2]), torch.tensor([0]))[0]
    assert len(set(scores.tolist())) == 2  # the head itself, and all others
