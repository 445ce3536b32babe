"""The rows of a relational convolution's matrix products, and the weighted sums that lead to them and from them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nsm.nn.indexing import offsets_of, positions, stable_order

__all__ = ["Slots", "WeightedSums", "find_slots"]


@dataclass(frozen=True, eq=False)
class WeightedSums:
    """A sparse matrix: each of its rows sums some of the rows that it is given.

    Shapes:
        - **index**, **weight**: ``(Z,)``, one row after the other; **offsets**: ``(rows + 1,)``.
    """

    index: Tensor
    weight: Tensor
    offsets: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """``(N, C)`` to ``(rows, C)``, gathered, weighted and summed in one pass."""
        if not self.index.numel():
            return x.new_zeros((self.offsets.numel() - 1, x.shape[1]))
        # mode 0 sums; the offsets end with the number of all summands
        total: Tensor = torch.embedding_bag(x, self.index, self.offsets, False, 0, False, self.weight, True)[0]
        return total


@dataclass(frozen=True, eq=False)
class Slots:
    """One convolution as three linear maps: sources to slots, one product for each relation, slots to destinations.

    A slot is what several messages of one relation share: their destination, so that they are summed before the
    product, or their source, so that it is multiplied once for all of them. Each relation takes what it has fewer of.

    Args:
        gather: Slots from sources.
        gather_back: Its transpose, sources from slots.
        spread: Destinations from slots.
        spread_back: Its transpose, slots from destinations.
        ends: Where each relation's slots end.

    Shapes:
        - **ends**: ``(R,)`` int32.
    """

    gather: WeightedSums
    gather_back: WeightedSums
    spread: WeightedSums
    spread_back: WeightedSums
    ends: Tensor

    @property
    def count(self) -> int:
        """Number of slots."""
        return self.gather.offsets.numel() - 1


def find_slots(
    src: Tensor, dst: Tensor, relation: Tensor, coefficient: Tensor, sizes: tuple[int, int, int]
) -> Slots:
    """Puts messages into slots.

    Args:
        src, dst, relation, coefficient: The messages, sorted by relation and then destination.
        sizes: Numbers of sources, of destinations and of relations.

    Shapes:
        - **src**, **dst**, **relation**, **coefficient**: ``(E,)``.
    """
    num_src, num_dst, num_relations = sizes
    by_src = stable_order(relation * num_src + src, num_relations * num_src)
    # relations stand in the same places in both orders
    begins_dst, begins_src = _begins(relation, dst), _begins(relation, src.index_select(0, by_src))
    is_summed_first = _counts(relation, begins_dst, num_relations) <= _counts(relation, begins_src, num_relations)
    first = is_summed_first.index_select(0, relation)
    order = torch.where(first, torch.arange(first.numel(), device=first.device), by_src)
    begins = torch.where(first, begins_dst, begins_src)
    slot = torch.cumsum(begins, 0) - 1
    count = int(slot[-1]) + 1 if slot.numel() else 0
    src, dst, coefficient = (column.index_select(0, order) for column in (src, dst, coefficient))
    ones = torch.ones_like(coefficient)

    def both(node: Tensor, weighted: Tensor, size: int) -> tuple[WeightedSums, WeightedSums]:
        """The slots from the nodes, with all messages where they are weighted and one for each slot elsewhere."""
        kept = positions(weighted | begins)
        weight = torch.where(weighted, coefficient, ones).index_select(0, kept)
        row, column = slot.index_select(0, kept), node.index_select(0, kept)
        back = stable_order(column, size)
        transposed = row.index_select(0, back), weight.index_select(0, back), offsets_of(column, size)
        return WeightedSums(column, weight, offsets_of(row, count)), WeightedSums(*transposed)

    gather, gather_back = both(src, first, num_src)
    spread_back, spread = both(dst, ~first, num_dst)
    ends = torch.cumsum(_counts(relation, begins, num_relations), 0).to(torch.int32)
    return Slots(gather, gather_back, spread, spread_back, ends)


def _begins(relation: Tensor, node: Tensor) -> Tensor:
    """Where a new pair of relation and node begins, ``(E,)`` bool."""
    begins = torch.ones_like(relation, dtype=torch.bool)
    torch.logical_or(relation[1:] != relation[:-1], node[1:] != node[:-1], out=begins[1:])
    return begins


def _counts(relation: Tensor, begins: Tensor, num_relations: int) -> Tensor:
    """How many groups each relation has, ``(R,)``."""
    return torch.bincount(relation.index_select(0, positions(begins)), minlength=num_relations)
