"""The rows of a relational convolution's matrix products, and the weighted sums that lead to them and from them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nsm.nn.indexing import offsets_of, positions, stable_order

__all__ = ["Direction", "Slots", "WeightedSums", "find_slots"]


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
        """``(N, C)`` to ``(rows, C)``, gathered, weighted and summed in one pass; autograd does not see it."""
        if not self.index.numel():
            return x.new_zeros((self.offsets.numel() - 1, x.shape[1]))
        # mode 0 sums; the offsets end with the number of all summands
        total: Tensor = torch.embedding_bag(x.detach(), self.index, self.offsets, False, 0, False, self.weight, True)[0]
        return total


@dataclass(frozen=True, eq=False)
class Direction:
    """Messages from the one end of triples to the other: what is linear in them, but for the products.

    Args:
        gather: Slots from sources; **gather_back** is its transpose, sources from slots.
        spread: Destinations from slots; **spread_back** is its transpose, slots from destinations.
    """

    gather: WeightedSums
    gather_back: WeightedSums
    spread: WeightedSums
    spread_back: WeightedSums


@dataclass(frozen=True, eq=False)
class Slots:
    """Messages in the form in which a convolution computes them: gathered to slots, multiplied there, spread.

    A slot is what several messages of one relation share: their destination, so that they are summed before the
    product, or their source, so that it is multiplied once for all of them. Each relation takes what it has fewer of.

    Args:
        directions: What is added up; the first takes the weights of the first relations, and so on.
        ends: Where each relation's slots end, the same in each direction.
        first_relation: The relation whose slots come first.

    Shapes:
        - **ends**: ``(R,)`` int32.
    """

    directions: tuple[Direction, ...]
    ends: Tensor
    first_relation: int = 0


def find_slots(
    ends: tuple[Tensor, Tensor],
    relation: Tensor,
    weight: Tensor,
    multiplicity: Tensor,
    sizes: tuple[int, int, int],
    norm: str,
) -> tuple[Direction, Direction, Tensor]:
    """Both directions of triples: messages from the first of their ends to the second, and back.

    Args:
        ends: The two ends of each triple.
        relation, weight, multiplicity: Its relation, confidence, and the number of edges it stands for.
        sizes: Numbers of first nodes, of second nodes and of relations.
        norm: How the messages that reach a node under one relation are divided.

    Returns:
        From the first to the second ends, back, and where each relation's slots end.

    Shapes:
        - **ends**, **relation**, **weight**, **multiplicity**: ``(E,)`` each.
    """
    num_relations = sizes[2]
    first, second = (_Sorted.by(node, relation, size, num_relations) for node, size in zip(ends, sizes[:2], strict=True))
    bounds = offsets_of(relation, num_relations)
    by_second = (second.groups_of(bounds) <= first.groups_of(bounds)).index_select(0, second.relation)
    begins = torch.where(by_second, second.begins, first.begins)
    order = torch.where(by_second, second.order, first.order)
    strength = weight * multiplicity
    there, back = (one.divided(strength, multiplicity, norm).index_select(0, order) for one in (second, first))
    starts = positions(begins)
    slot, ones = torch.cumsum(begins, 0) - 1, torch.ones_like(strength)

    def sums(node: Tensor, is_weighted: Tensor, size: int) -> list[WeightedSums]:
        """Slots from nodes and nodes from slots, weighted as messages there, and as messages back."""
        kept = positions(is_weighted | begins)
        row, column = slot.index_select(0, kept), node.index_select(0, order).index_select(0, kept)
        by_column = stable_order(column, size)
        row_ptr, column_ptr = offsets_of(row, starts.numel()), offsets_of(column, size)
        row = row.index_select(0, by_column)
        found = []
        for coefficient in (there, back):
            value = torch.where(is_weighted, coefficient, ones).index_select(0, kept)
            found.append(WeightedSums(column, value, row_ptr))
            found.append(WeightedSums(row, value.index_select(0, by_column), column_ptr))
        return found

    from_first, to_first, from_first_back, to_first_back = sums(ends[0], by_second, sizes[0])
    from_second, to_second, from_second_back, to_second_back = sums(ends[1], ~by_second, sizes[1])
    slot_ends = torch.searchsorted(starts, bounds[1:]).to(torch.int32)
    return (
        Direction(from_first, to_first, to_second, from_second),
        Direction(from_second_back, to_second_back, to_first_back, from_first_back),
        slot_ends,
    )


@dataclass(frozen=True, eq=False)
class _Sorted:
    """Triples sorted by relation and one of their ends.

    Shapes:
        - **order**, **relation** (ascending), **begins** (where a new pair of relation and node begins): ``(E,)``.
    """

    order: Tensor
    relation: Tensor
    begins: Tensor

    @classmethod
    def by(cls, node: Tensor, relation: Tensor, size: int, num_relations: int) -> _Sorted:
        key = relation * size + node
        order = stable_order(key, num_relations * size)
        key = key.index_select(0, order)
        begins = torch.ones_like(key, dtype=torch.bool)
        torch.ne(key[1:], key[:-1], out=begins[1:])
        return cls(order, relation.index_select(0, order), begins)

    def groups_of(self, bounds: Tensor) -> Tensor:
        """How many pairs each relation has; **bounds**: ``(R + 1,)`` offsets of the relations."""
        until = torch.cumsum(torch.cat((self.begins.new_zeros(1), self.begins)), 0)
        return until.index_select(0, bounds).diff()

    def divided(self, strength: Tensor, multiplicity: Tensor, norm: str) -> Tensor:
        """The strength of each triple, divided by the norm of the pair that it belongs to."""
        if norm == "sum":
            return strength
        group = torch.cumsum(self.begins, 0)
        total = torch.zeros(group.numel() + 1, dtype=strength.dtype, device=strength.device)
        total.index_add_(0, group, multiplicity.index_select(0, self.order))
        total = total.index_select(0, group)
        divisor = torch.empty_like(total)
        divisor[self.order] = total if norm == "mean" else total.sqrt_()
        return strength / divisor
