"""How evenly the nodes that stay share those that are dropped."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nsm.nn.contraction import Contraction
from nsm.nn.indexing import on_device, on_host
from nsm.nn.pooling import softmax_within


def cluster_imbalance(plan: Contraction, num_graphs: int) -> Tensor:
    r"""The squared coefficient of variation of the clusters' sizes, which has a gradient to the scores.

    A cluster has one leader for each dropped node, the kept neighbour of the highest score. Here a dropped node divides
    itself among all kept neighbours by the softmax of their scores: with scores ever further apart the masses
    become the sizes.

    .. math::
        m_k = 1 + \sum_{v \in D} \frac{[k \sim v]\, e^{s_k}}{\sum_{j \sim v} e^{s_j}}, \qquad
        \frac{\frac{1}{K} \sum_k (m_k - \bar m)^2}{\bar m^2}

    Args:
        plan: One step up.
        num_graphs: Number of graphs.

    Shapes:
        - output: ``(num_graphs,)``, 0 where all masses are equal.
    """
    dropped, kept = _neighbours(plan)
    score = plan.score.index_select(0, plan.kept)
    share = softmax_within(score.index_select(0, kept), dropped, plan.dropped.numel())
    mass = torch.ones_like(score).index_add(0, kept, share)
    count = torch.bincount(plan.batch, minlength=num_graphs).clamp(min=1)
    mean = mass.new_zeros(num_graphs).index_add(0, plan.batch, mass) / count
    excess = (mass / mean.index_select(0, plan.batch) - 1).square()
    return mass.new_zeros(num_graphs).index_add(0, plan.batch, excess) / count


def _neighbours(plan: Contraction) -> tuple[Tensor, Tensor]:
    """The pairs of a dropped and a kept node that share an edge, by their numbers among their own kind: ``(P,)`` each.

    Each pair is there once, whatever the number, direction and confidence of its edges, which do not choose a leader
    either.
    """
    leader, index, edges = on_host(plan.leader), on_host(plan.index), plan.fine.host
    is_kept = leader == np.arange(len(leader))
    use = np.flatnonzero(is_kept[edges.head] != is_kept[edges.tail])
    head, tail = edges.head[use], edges.tail[use]
    dropped, kept = np.where(is_kept[head], tail, head), np.where(is_kept[head], head, tail)
    size = max(plan.kept.numel(), 1)
    pair = np.unique(index[dropped] * size + index[kept])
    return on_device(pair // size, plan.leader.device), on_device(pair % size, plan.leader.device)
