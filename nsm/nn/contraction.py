"""From one level to the next: which nodes stay, who leads the others, and what becomes of the edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from nsm.nn.graph import RelationalGraph
from nsm.nn.semiring import Semiring
from nsm.nn.slots import Slots

SCORE_DECIMALS = 4  # scores nearer than this are ties: float noise must not decide which nodes stay


@dataclass(frozen=True, eq=False)
class Contraction:
    """The stored plan of one step up. It is used again on the way down and never recomputed.

    Shapes:
        - **kept**: ``(K,)`` numbers of the nodes that stay, ascending; **dropped**: ``(N - K,)``, ascending.
        - **leader**: ``(N,)`` for each node the number of the kept node that stands for it.
        - **kept_index**, **dropped_index**: ``(N,)`` position in ``kept`` / ``dropped``, -1 elsewhere.
        - **score**: ``(N,)`` the scores that decided, rounded only for the comparison.
        - **batch**: ``(K,)`` graph of each kept node.
        - **fine**, **coarse**: the edges below and above.
    """

    kept: Tensor
    dropped: Tensor
    leader: Tensor
    kept_index: Tensor
    dropped_index: Tensor
    score: Tensor
    batch: Tensor
    fine: RelationalGraph
    coarse: RelationalGraph

    @cached_property
    def messages(self) -> tuple[Slots, Slots]:
        """Messages from the kept nodes to the dropped ones, and those on the way back."""
        return self.fine.between(self.kept_index, self.dropped_index, self.kept.numel(), self.dropped.numel())


def priority(score: Tensor, tie_key: Tensor) -> Tensor:
    """Ranks nodes by rounded score, ties by the stored random key: ``(N,)`` distinct integers.

    The highest come first when the nodes that stay are chosen.
    """
    by_key = torch.sort(tie_key, stable=True).indices
    rounded = torch.round(score.detach()[by_key], decimals=SCORE_DECIMALS)
    order = by_key[torch.sort(rounded, stable=True).indices]
    rank = torch.empty_like(order)
    rank[order] = torch.arange(order.numel(), device=order.device)
    return rank


def dominating_set(rank: Tensor, edge_index: Tensor) -> Tensor:
    """The greedy maximal independent set: going down the ranks, a node enters unless a neighbour is in.

    It dominates every component, and isolated nodes are in it. All local maxima enter at once, round by
    round, which gives the same set as the sequential rule.

    Shapes:
        - **rank**: ``(N,)`` distinct integers; **edge_index**: ``(2, E)`` without self-loops.
        - output: ``(N,)`` bool.
    """
    src, dst = torch.cat((edge_index, edge_index.flip(0)), dim=1)
    chosen = torch.zeros_like(rank, dtype=torch.bool)
    open_rank = rank.clone()  # -1 once a node is chosen or covered
    while src.numel():
        best = torch.full_like(rank, -1).scatter_reduce_(0, dst, open_rank[src], "amax")
        enter = (open_rank >= 0) & (open_rank > best)
        chosen |= enter
        covered = torch.zeros_like(chosen)
        covered[dst[enter[src]]] = True
        open_rank = open_rank.masked_fill(enter | covered, -1)
        alive = (open_rank[src] >= 0) & (open_rank[dst] >= 0)
        src, dst = src[alive], dst[alive]
    return chosen | (open_rank >= 0)


def _fill(chosen: Tensor, rank: Tensor, batch: Tensor, num_graphs: int, ratio: float) -> Tensor:
    """Adds the highest-ranked other nodes of each graph until it keeps ``ceil(ratio * N)``."""
    size = torch.bincount(batch, minlength=num_graphs)
    held = torch.bincount(batch[chosen], minlength=num_graphs)
    wanted = torch.ceil(size * ratio - 1e-9).long()
    order = torch.argsort(rank, descending=True)
    order = order[~chosen[order]]
    order = order[torch.sort(batch[order], stable=True).indices]
    first = torch.cumsum(size - held, 0) - (size - held)
    place = torch.arange(order.numel(), device=rank.device) - first[batch[order]]
    return chosen.index_fill(0, order[place < (wanted - held)[batch[order]]], True)


def _leaders(kept_mask: Tensor, rank: Tensor, graph: RelationalGraph) -> tuple[Tensor, Tensor]:
    """For each node its leader, and the confidence of the edge to it (1 for a kept node itself)."""
    src, dst = torch.cat((graph.edge_index, graph.edge_index.flip(0)), dim=1)
    weight = graph.edge_weight.repeat(2)
    use = kept_mask[src] & ~kept_mask[dst]
    src, dst, weight = src[use], dst[use], weight[use]
    best = torch.full_like(rank, -1).scatter_reduce_(0, dst, rank[src], "amax")
    node_of_rank = torch.empty_like(rank)
    node_of_rank[rank] = torch.arange(rank.numel(), device=rank.device)
    leader = torch.where(kept_mask, torch.arange(rank.numel(), device=rank.device), node_of_rank[best.clamp(min=0)])
    confidence = torch.where(kept_mask, 1.0, 0.0).to(weight.dtype)
    to_leader = src == leader[dst]
    confidence.scatter_reduce_(0, dst[to_leader], weight[to_leader], "amax")
    return leader, confidence


def coarsen(
    graph: RelationalGraph, leader: Tensor, confidence: Tensor, index: Tensor, size: int, semiring: Semiring
) -> RelationalGraph:
    """Moves every edge to the leaders of its ends, with its relation; edges inside a cluster vanish.

    Parallel edges of one relation become one edge: the semiring's sum of their confidences, the sum of their
    multiplicities. A moved edge is a path through its ends' leaders: the semiring's product.

    Shapes:
        - **leader**, **confidence**, **index**: ``(N,)``; ``size`` is the number of kept nodes.
    """
    head, tail = graph.edge_index[0], graph.edge_index[1]
    new_head, new_tail = index[leader[head]], index[leader[tail]]
    use = (new_head != new_tail).nonzero().squeeze(1)
    head, tail, new_head, new_tail = head[use], tail[use], new_head[use], new_tail[use]
    path = semiring.product(semiring.product(confidence[head], graph.edge_weight[use]), confidence[tail])
    key, slot = torch.unique((graph.edge_type[use] * size + new_tail) * size + new_head, return_inverse=True)
    multiplicity = torch.zeros(key.numel(), dtype=path.dtype, device=path.device)
    multiplicity.index_add_(0, slot, graph.multiplicity[use])
    width = max(size, 1)
    return RelationalGraph(
        edge_index=torch.stack((key % width, key // width % width)),
        edge_type=key // (width * width),
        edge_weight=semiring.sum(path, slot, key.numel()),
        multiplicity=multiplicity,
        num_nodes=size,
        num_relations=graph.num_relations,
        norm=graph.norm,
    )


def contract(
    graph: RelationalGraph,
    score: Tensor,
    tie_key: Tensor,
    batch: Tensor,
    num_graphs: int,
    *,
    ratio: float,
    semiring: Semiring,
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

    Shapes:
        - **score**, **tie_key**, **batch**: ``(N,)``.
    """
    rank = priority(score, tie_key)
    proper = graph.edge_index[:, graph.edge_index[0] != graph.edge_index[1]]
    chosen = _fill(dominating_set(rank, proper), rank, batch, num_graphs, ratio)
    kept, dropped = chosen.nonzero().squeeze(1), (~chosen).nonzero().squeeze(1)
    leader, confidence = _leaders(chosen, rank, graph)
    kept_index, dropped_index = torch.full_like(rank, -1), torch.full_like(rank, -1)
    kept_index[kept] = torch.arange(kept.numel(), device=rank.device)
    dropped_index[dropped] = torch.arange(dropped.numel(), device=rank.device)
    coarse = coarsen(graph, leader, confidence, kept_index, kept.numel(), semiring)
    return Contraction(kept, dropped, leader, kept_index, dropped_index, score, batch[kept], graph, coarse)
