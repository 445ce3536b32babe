"""From one level to the next: which nodes stay, who leads the others, and what becomes of the edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from nsm.nn.graph import HostEdges, RelationalGraph, messages_between
from nsm.nn.indexing import Array, Flags, Ints, begins_of, on_device, on_host, stable_order
from nsm.nn.semiring import Semiring
from nsm.nn.slots import Slots

SCORE_DECIMALS = 4  # scores nearer than this are ties: float noise must not decide which nodes stay
PLACES = 4  # that a leader tells apart among its nodes; those beyond share the last
HIGHEST_SCORE = 2**40  # in units of the last decimal; beyond it all are ties


@dataclass(frozen=True, eq=False)
class Contraction:
    """The stored plan of one step up. It is used again on the way down and never recomputed.

    Shapes:
        - **kept**: ``(K,)`` numbers of the nodes that stay, ascending; **dropped**: ``(N - K,)``, ascending.
        - **leader**: ``(N,)`` for each node the number of the kept node that stands for it.
        - **index**: ``(N,)`` position of each node in ``kept`` or in ``dropped``.
        - **place**: ``(N,)`` number of each dropped node among those of its leader, below ``PLACES``; 0 for a kept one.
        - **score**: ``(N,)`` the scores that decided, rounded only for the comparison.
        - **batch**: ``(K,)`` graph of each kept node.
        - **fine**, **coarse**: the edges below and above.
    """

    kept: Tensor
    dropped: Tensor
    leader: Tensor
    index: Tensor
    place: Tensor
    score: Tensor
    batch: Tensor
    fine: RelationalGraph
    coarse: RelationalGraph

    def of_leaders(self, x: Tensor) -> Tensor:
        """For each node below the features of the kept node that stands for it: ``(K, C)`` to ``(N, C)``."""
        return x.index_select(0, self.index.index_select(0, self.leader))

    @cached_property
    def messages(self) -> tuple[Slots, Slots]:
        """Messages from the kept nodes to the dropped ones, and those on the way back.

        They run along the edges between both, and between every dropped node and its leader under a relation of its
        place, by which a leader tells its nodes apart.
        """
        leader, index, place = (on_host(column) for column in (self.leader, self.index, self.place))
        numbers = np.arange(len(leader))
        dropped = numbers[leader != numbers]
        edges, relations = self.fine.host, self.fine.num_relations
        ones = np.ones(len(dropped), edges.weight.dtype)
        both = HostEdges(
            np.concatenate((edges.head, leader[dropped])),
            np.concatenate((edges.tail, dropped)),
            np.concatenate((edges.relation, place[dropped] + relations)),
            np.concatenate((edges.weight, ones)),
            np.concatenate((edges.multiplicity, ones)),
        )
        sizes = self.kept.numel(), self.dropped.numel()
        triples = messages_between(both, index, leader == numbers, sizes, relations + PLACES, self.fine.norm)
        return triples.each_way(self.leader.device)


def priority(score: Array, tie_key: Ints) -> Ints:
    """Ranks nodes by rounded score, ties by the stored random key: ``(N,)`` distinct integers.

    The highest come first when the nodes that stay are chosen.
    """
    known = np.where(np.isnan(score), 0, score)
    scaled = np.rint(known * score.dtype.type(10**SCORE_DECIMALS))
    rounded = np.clip(scaled, -HIGHEST_SCORE, HIGHEST_SCORE).astype(np.int64)
    by_key = stable_order(tie_key, int(np.abs(tie_key).max(initial=0)) + 1)
    order = by_key[stable_order(rounded[by_key] + HIGHEST_SCORE, 2 * HIGHEST_SCORE + 1)]
    return _inverse(order)


def dominating_set(rank: Ints, head: Ints, tail: Ints) -> Flags:
    """The greedy maximal independent set: going down the ranks, a node enters unless a neighbour is in.

    It dominates every component, and isolated nodes are in it. All local maxima enter at once, round by
    round, which gives the same set as the sequential rule.

    Shapes:
        - **rank**: ``(N,)`` distinct integers; **head**, **tail**: ``(E,)``, of which self-loops do not count.
        - output: ``(N,)`` bool.
    """
    chosen, is_open = np.zeros(len(rank), np.bool_), np.ones(len(rank), np.bool_)
    head, tail = _where(head != tail, head, tail)
    while len(head):
        enter = is_open.copy()
        enter[np.where(rank[head] > rank[tail], tail, head)] = False  # not the highest around
        chosen |= enter
        is_open ^= enter
        is_open[tail[enter[head]]] = False
        is_open[head[enter[tail]]] = False
        head, tail = _where(is_open[head] & is_open[tail], head, tail)
    return chosen | is_open


def _fill(chosen: Flags, rank: Ints, batch: Ints, num_graphs: int, ratio: float) -> Flags:
    """Adds the highest-ranked other nodes of each graph until it keeps ``ceil(ratio * N)``."""
    size = np.bincount(batch, minlength=num_graphs)
    others = (~chosen).nonzero()[0]
    left = np.bincount(batch[others], minlength=num_graphs)
    wanted = np.ceil(size * ratio - 1e-9).astype(np.int64) - (size - left)
    count, graph = len(rank), batch[others]
    key = np.sort(graph * count + (count - 1 - rank[others]))  # graph by graph, highest rank first
    place = np.arange(len(others)) - (left.cumsum() - left).repeat(left)
    added = key[place < wanted.repeat(left)]
    filled = chosen.copy()
    filled[_inverse(rank)[count - 1 - added % count]] = True
    return filled


def _leaders(kept: Flags, rank: Ints, edges: HostEdges) -> tuple[Ints, Array]:
    """For each node its leader, and the confidence of the edge to it (1 for a kept node itself)."""
    is_forward = kept[edges.head]
    use = (is_forward != kept[edges.tail]).nonzero()[0]
    is_forward, head, tail, weight = is_forward[use], edges.head[use], edges.tail[use], edges.weight[use]
    leading, led = np.where(is_forward, head, tail), np.where(is_forward, tail, head)
    best = rank.copy()
    best[~kept] = -1
    np.maximum.at(best, led, rank[leading])
    leader = _inverse(rank)[best]
    confidence = kept.astype(edges.weight.dtype)
    chosen = leading == leader[led]
    np.maximum.at(confidence, led[chosen], weight[chosen])
    return leader, confidence


def _places(leader: Ints, dropped: Ints, rank: Ints) -> Ints:
    """The number of each dropped node among those of its leader, highest rank first: ``(N,)``, 0 for kept ones."""
    count = len(leader)
    order = dropped[stable_order(leader[dropped] * count + (count - 1 - rank[dropped]), count * count)]
    begins = begins_of(leader[order])
    first = begins.nonzero()[0]
    place = np.zeros(count, np.int64)
    place[order] = np.minimum(np.arange(len(order)) - first[begins.cumsum() - 1], PLACES - 1)
    return place


def coarsen(
    graph: RelationalGraph, leader: Ints, confidence: Array, index: Ints, size: int, semiring: Semiring
) -> RelationalGraph:
    """Moves every edge to the leaders of its ends, with its relation; edges inside a cluster vanish.

    Parallel edges of one relation become one edge: the semiring's sum of their confidences, the sum of their
    multiplicities. A moved edge is a path through its ends' leaders: the semiring's product.

    Shapes:
        - **leader**, **confidence**, **index**: ``(N,)``; ``size`` is the number of kept nodes.
    """
    edges, position = graph.host, index[leader]
    head, tail = position[edges.head], position[edges.tail]
    use = (head != tail).nonzero()[0]
    key = (edges.relation[use] * size + tail[use]) * size + head[use]
    order = stable_order(key, graph.num_relations * size * size)
    use, key = use[order], key[order]
    begins = begins_of(key)
    first, slot = begins.nonzero()[0], begins.cumsum() - 1
    ends = (torch.from_numpy(confidence[end[use]]) for end in (edges.head, edges.tail))
    path = semiring.product(semiring.product(next(ends), torch.from_numpy(edges.weight[use])), next(ends))
    multiplicity = np.bincount(slot, edges.multiplicity[use], len(first)).astype(edges.multiplicity.dtype)
    host = HostEdges(
        head[use[first]],
        tail[use[first]],
        edges.relation[use[first]],
        on_host(semiring.sum(path, torch.from_numpy(slot), len(first))),
        multiplicity,
    )
    return RelationalGraph.from_host(host, size, graph)


def contract(
    graph: RelationalGraph,
    score: Tensor,
    tie_key: Tensor,
    batch: Tensor,
    num_graphs: int,
    *,
    ratio: float,
    semiring: Semiring,
    is_typed: bool = True,
) -> Contraction:
    """Chooses the nodes that stay and builds the graph of the next level.

    The nodes that stay are a dominating set by descending score, filled up by score to ``ratio`` of each
    graph: the budget is the share after completion, so a graph keeps more only if its dominating set needs
    more.

    Args:
        graph: The level's edges.
        score: Learned score of each node.
        tie_key: Random key of each node, stored with the data, never a feature.
        batch: Graph of each node, ascending.
        num_graphs: Number of graphs.
        ratio: Share of nodes to keep, in ``(0, 1]``.
        semiring: How confidences combine.
        is_typed: Whether edges keep their relations on the way up; otherwise all above are of one relation.

    Shapes:
        - **score**, **tie_key**, **batch**: ``(N,)``.
    """
    edges, device = graph.host, score.device
    rank = priority(on_host(score), on_host(tie_key))
    chosen = _fill(dominating_set(rank, edges.head, edges.tail), rank, on_host(batch), num_graphs, ratio)
    kept, dropped = chosen.nonzero()[0], (~chosen).nonzero()[0]
    leader, confidence = _leaders(chosen, rank, edges)
    index = np.where(chosen, chosen.cumsum(), (~chosen).cumsum()) - 1
    coarse = coarsen(graph if is_typed else graph.untyped(), leader, confidence, index, len(kept), semiring)
    stays = on_device(kept, device)
    return Contraction(
        kept=stays,
        dropped=on_device(dropped, device),
        leader=on_device(leader, device),
        index=on_device(index, device),
        place=on_device(_places(leader, dropped, rank), device),
        score=score,
        batch=batch.index_select(0, stays),
        fine=graph,
        coarse=coarse,
    )


def _inverse(order: Ints) -> Ints:
    """The inverse of a permutation."""
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    return inverse


def _where(use: Flags, *columns: Ints) -> list[Ints]:
    at = use.nonzero()[0]
    return [column[at] for column in columns]
