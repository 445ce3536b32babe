"""The rows of a relational convolution's matrix products, and the weighted sums that lead to them and from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nsm.nn.indexing import Array, Flags, Ints, begins_of, circle, offsets_of, on_device, sizes_of, stable_order

__all__ = ["Slots", "Triples", "WeightedSums", "find_slots"]

PADDING = 32  # so many empty slots for each relation cost less than a call for each relation's product


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
class Slots:
    """Messages in the form in which a convolution computes them: gathered to slots, multiplied there, spread.

    A slot is what several messages of one relation share: their destination, so that they are summed before the
    product, or their source, so that it is multiplied once for all of them. Each relation takes what it has fewer of.

    Args:
        gather: Slots from sources; **gather_back** is its transpose, sources from slots.
        spread: Destinations from slots; **spread_back** is its transpose, slots from destinations.
        ends: Where each relation's slots end.
        width: How many slots each relation has, where all have as many; else 0.

    Shapes:
        - **ends**: ``(R,)`` int32.
    """

    gather: WeightedSums
    gather_back: WeightedSums
    spread: WeightedSums
    spread_back: WeightedSums
    ends: Tensor
    width: int = 0


@dataclass(frozen=True, eq=False)
class Entries:
    """Which node is in which slot, and with what weight: that of the messages there, and that of those back.

    Shapes:
        - **slot** (ascending), **node**, **there**, **back**: ``(Z,)``.
    """

    slot: Ints
    node: Ints
    there: Array
    back: Array


@dataclass(frozen=True, eq=False)
class Triples:
    """Triples whose both ends have their slots: messages run from the first ends to the second, and back.

    Args:
        first, second: Where both ends stand.
        ptr: Offsets of the relations' slots.
        width: How many slots each relation has, where all have as many; else 0.
        sizes: Numbers of first and of second nodes.

    Shapes:
        - **ptr**: ``(R + 1,)``.
    """

    first: Entries
    second: Entries
    ptr: Ints
    width: int
    sizes: tuple[int, int]

    @property
    def count(self) -> int:
        """Number of slots."""
        return int(self.ptr[-1])

    def both_ways(self, device: torch.device) -> Slots:
        """Messages in both directions among the same nodes, those on the way back under relations of their own."""
        one, two, count = self.first, self.second, self.count
        node = np.concatenate((one.node, two.node))
        slot_in, weight_in = np.concatenate((one.slot, two.slot + count)), np.concatenate((one.there, two.back))
        slot_out, weight_out = np.concatenate((one.slot + count, two.slot)), np.concatenate((one.back, two.there))
        later = circle(len(node), len(one.node))  # the slots of the second ends come first
        ends = np.concatenate((self.ptr[1:], self.ptr[1:] + count))
        gather, gather_back = _sums(slot_in, node, weight_in, (2 * count, self.sizes[0]), device)
        spread_back, spread = _sums(slot_out, node, weight_out, (2 * count, self.sizes[1]), device, later)
        return Slots(gather, gather_back, spread, spread_back, on_device(ends.astype(np.int32), device), self.width)

    def each_way(self, device: torch.device) -> tuple[Slots, Slots]:
        """Messages from the first nodes to the second, and those back, whose relations are the reverse ones."""
        one, two, count, half = self.first, self.second, self.count, len(self.ptr) // 2
        sizes, turn = ((count, self.sizes[0]), (count, self.sizes[1])), int(self.ptr[half])
        gather, gather_back = _sums(one.slot, one.node, one.there, sizes[0], device)
        spread_back, spread = _sums(two.slot, two.node, two.there, sizes[1], device)
        ends = on_device(self.ptr[1:].astype(np.int32), device)
        there = Slots(gather, gather_back, spread, spread_back, ends, self.width)
        # back, the slots of the later half of the relations come first
        turned = [(entries.slot - turn) % max(count, 1) for entries in (one, two)]
        by_slot = [circle(len(e.slot), int(e.slot.searchsorted(turn))) for e in (one, two)]
        gather, gather_back = _sums(turned[1], two.node, two.back, sizes[1], device, by_slot[1])
        spread_back, spread = _sums(turned[0], one.node, one.back, sizes[0], device, by_slot[0])
        turned_ends = np.concatenate((self.ptr[half + 1 :] - turn, self.ptr[1 : half + 1] + count - turn))
        ends = on_device(turned_ends.astype(np.int32), device)
        return there, Slots(gather, gather_back, spread, spread_back, ends, self.width)


def _sums(
    slot: Ints,
    node: Ints,
    weight: Array,
    sizes: tuple[int, int],
    device: torch.device,
    by_slot: Ints | slice = slice(None),
) -> tuple[WeightedSums, WeightedSums]:
    """Slots from nodes and nodes from slots; ``by_slot`` sorts the entries by their slots."""
    by_node = stable_order(node, sizes[1])
    columns = (
        (node[by_slot], weight[by_slot], offsets_of(slot, sizes[0])),
        (slot[by_node], weight[by_node], offsets_of(node, sizes[1])),
    )
    slots, nodes = (WeightedSums(*(on_device(column, device) for column in three)) for three in columns)
    return slots, nodes


def find_slots(
    ends: tuple[Ints, Ints],
    relation: Ints,
    weight: Array,
    multiplicity: Array,
    sizes: tuple[int, int, int],
    norm: str,
) -> Triples:
    """Puts the ends of triples into slots.

    Args:
        ends: The two ends of each triple.
        relation, weight, multiplicity: Its relation, confidence, and the number of edges it stands for.
        sizes: Numbers of first nodes, of second nodes and of relations.
        norm: How the messages that reach a node under one relation are divided.

    Shapes:
        - **ends**, **relation**, **weight**, **multiplicity**: ``(E,)`` each.
    """
    num_relations = sizes[2]
    first, second = (_sort(node, relation, size, num_relations) for node, size in zip(ends, sizes[:2], strict=True))
    bounds = offsets_of(relation, num_relations)
    by_second = (second.groups_of(bounds) <= first.groups_of(bounds)).repeat(sizes_of(bounds))
    begins = np.where(by_second, second.begins, first.begins)
    order = np.where(by_second, second.order, first.order)
    strength = weight * multiplicity
    there, back = (one.divided(strength, multiplicity, norm)[order] for one in (second, first))
    slot, ptr, width = _number(begins, bounds)
    one_each = strength.dtype.type(1)

    def entries(node: Ints, is_weighted: Flags) -> Entries:
        """All triples where they are weighted, one for each slot elsewhere."""
        kept = (is_weighted | begins).nonzero()[0]
        is_weighted = is_weighted[kept]
        weights = (np.where(is_weighted, coefficient[kept], one_each) for coefficient in (there, back))
        return Entries(slot[kept], node[order[kept]], *weights)

    return Triples(entries(ends[0], by_second), entries(ends[1], ~by_second), ptr, width, sizes[:2])


def _number(begins: Flags, bounds: Ints) -> tuple[Ints, Ints, int]:
    """The slot of each triple, where those of each relation begin, and how many all have, if as many.

    Relations that have nearly as many get some empty slots, so that one call multiplies matrices of one size.
    """
    slot, ptr = begins.cumsum() - 1, begins.nonzero()[0].searchsorted(bounds)
    relations, width = len(ptr) - 1, int(sizes_of(ptr).max(initial=0))
    if relations * (width - PADDING) > ptr[-1]:
        return slot, ptr, 0
    even = np.arange(relations + 1) * width
    return slot + (even - ptr)[:-1].repeat(sizes_of(bounds)), even, width


@dataclass(frozen=True, eq=False)
class _Sorted:
    """Triples sorted by relation and one of their ends.

    Shapes:
        - **order**, **begins** (where a new pair of relation and node begins): ``(E,)``.
    """

    order: Ints
    begins: Flags

    def groups_of(self, bounds: Ints) -> Ints:
        """How many pairs each relation has; **bounds**: ``(R + 1,)`` offsets of the relations."""
        return sizes_of(self.begins.nonzero()[0].searchsorted(bounds))

    def divided(self, strength: Array, multiplicity: Array, norm: str) -> Array:
        """The strength of each triple, divided by the norm of the pair that it belongs to."""
        if norm == "sum" or not len(strength):
            return strength
        starts = np.flatnonzero(self.begins)
        total = np.add.reduceat(multiplicity[self.order], starts)
        total = total if norm == "mean" else np.sqrt(total)
        divisor = np.empty_like(strength)
        divisor[self.order] = total.repeat(sizes_of(np.concatenate((starts, (len(strength),)))))
        return strength / divisor


def _sort(node: Ints, relation: Ints, size: int, num_relations: int) -> _Sorted:
    key = relation * size + node
    order = stable_order(key, num_relations * size)
    return _Sorted(order, begins_of(key[order]))
