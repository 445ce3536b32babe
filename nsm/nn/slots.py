"""The rows of a relational convolution's matrix products, and the weighted sums that lead to them and from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nsm.nn.indexing import Array, Ints, begins_of, offsets_of, on_device, stable_order

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
    ends: tuple[Ints, Ints],
    relation: Ints,
    weight: Array,
    multiplicity: Array,
    sizes: tuple[int, int, int],
    norm: str,
    device: torch.device,
) -> tuple[Direction, Direction, Tensor]:
    """Both directions of triples: messages from the first of their ends to the second, and back.

    Args:
        ends: The two ends of each triple.
        relation, weight, multiplicity: Its relation, confidence, and the number of edges it stands for.
        sizes: Numbers of first nodes, of second nodes and of relations.
        norm: How the messages that reach a node under one relation are divided.
        device: Where the convolution computes.

    Returns:
        From the first to the second ends, back, and where each relation's slots end.

    Shapes:
        - **ends**, **relation**, **weight**, **multiplicity**: ``(E,)`` each.
    """
    num_relations = sizes[2]
    first, second = (_sort(node, relation, size, num_relations) for node, size in zip(ends, sizes[:2], strict=True))
    bounds = offsets_of(relation, num_relations)
    by_second = np.repeat(second.groups_of(bounds) <= first.groups_of(bounds), np.diff(bounds))
    begins = np.where(by_second, second.begins, first.begins)
    order = np.where(by_second, second.order, first.order)
    strength = weight * multiplicity
    weights = [one.divided(strength, multiplicity, norm)[order] for one in (second, first)]
    slot, count = np.cumsum(begins) - 1, int(np.count_nonzero(begins))

    def sums(node: Ints, is_weighted: npt.NDArray[np.bool_], size: int) -> list[WeightedSums]:
        """Slots from nodes and nodes from slots, weighted as messages there, and as messages back."""
        kept = np.flatnonzero(is_weighted | begins)
        row, column, is_weighted = slot[kept], node[order[kept]], is_weighted[kept]
        by_column = stable_order(column, size)
        pattern = (column, offsets_of(row, count)), (row[by_column], offsets_of(column, size))
        (index, ptr), (back_index, back_ptr) = ([on_device(part, device) for part in pair] for pair in pattern)
        found = []
        for coefficient in weights:
            value = np.where(is_weighted, coefficient[kept], coefficient.dtype.type(1))
            found.append(WeightedSums(index, on_device(value, device), ptr))
            found.append(WeightedSums(back_index, on_device(value[by_column], device), back_ptr))
        return found

    from_first, to_first, from_first_back, to_first_back = sums(ends[0], by_second, sizes[0])
    from_second, to_second, from_second_back, to_second_back = sums(ends[1], ~by_second, sizes[1])
    slot_ends = np.searchsorted(np.flatnonzero(begins), bounds[1:]).astype(np.int32)
    return (
        Direction(from_first, to_first, to_second, from_second),
        Direction(from_second_back, to_second_back, to_first_back, from_first_back),
        on_device(slot_ends, device),
    )


@dataclass(frozen=True, eq=False)
class _Sorted:
    """Triples sorted by relation and one of their ends.

    Shapes:
        - **order**, **begins** (where a new pair of relation and node begins): ``(E,)``.
    """

    order: Ints
    begins: npt.NDArray[np.bool_]

    def groups_of(self, bounds: Ints) -> Ints:
        """How many pairs each relation has; **bounds**: ``(R + 1,)`` offsets of the relations."""
        return np.diff(np.searchsorted(np.flatnonzero(self.begins), bounds))

    def divided(self, strength: Array, multiplicity: Array, norm: str) -> Array:
        """The strength of each triple, divided by the norm of the pair that it belongs to."""
        if norm == "sum" or not len(strength):
            return strength
        starts = np.flatnonzero(self.begins)
        total = np.add.reduceat(multiplicity[self.order], starts)
        total = total if norm == "mean" else np.sqrt(total)
        divisor = np.empty_like(strength)
        divisor[self.order] = np.repeat(total, np.diff(starts, append=len(strength)))
        return strength / divisor


def _sort(node: Ints, relation: Ints, size: int, num_relations: int) -> _Sorted:
    key = relation * size + node
    order = stable_order(key, num_relations * size)
    return _Sorted(order, begins_of(key[order]))
