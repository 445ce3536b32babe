"""The edges of one level, kept in the order in which a relational convolution wants them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from nsm.nn.indexing import offsets_of, positions, stable_order
from nsm.nn.slots import Slots, find_slots


@dataclass(frozen=True, eq=False)
class MessageEdges:
    """Edges sorted by relation, then destination: the form in which messages are computed.

    Args:
        num_src, num_dst: Numbers of source and destination nodes.
        num_relations: Number of relations, reverses included.

    Shapes:
        - **src**, **dst**: ``(E,)`` indices into the source and the destination nodes.
        - **relation**: ``(E,)`` ascending.
        - **coefficient**: ``(E,)`` confidence times multiplicity, divided by the norm of its destination and
          relation.
    """

    src: Tensor
    dst: Tensor
    relation: Tensor
    coefficient: Tensor
    num_src: int
    num_dst: int
    num_relations: int

    @cached_property
    def relation_ptr(self) -> tuple[int, ...]:
        """``R + 1`` offsets of the relations' segments."""
        return tuple(offsets_of(self.relation, self.num_relations).tolist())

    @cached_property
    def slots(self) -> Slots:
        """What messages share, for one product per relation."""
        sizes = (self.num_src, self.num_dst, self.num_relations)
        return find_slots(self.src, self.dst, self.relation, self.coefficient, sizes)


@dataclass(frozen=True, eq=False)
class RelationalGraph:
    r"""A directed multigraph with typed, confidence-weighted edges, whole batches included.

    Messages run along every edge in both directions; the reverse of relation ``r`` is relation
    ``r + num_relations``. A message is weighted by its confidence and divided by a norm of the number of
    edges that reach its destination under its relation, parallel edges counted, confidences *not* counted:
    halving all confidences halves all messages.

    Args:
        edge_index: Heads and tails.
        edge_type: Relation of each edge, in ``[0, num_relations)``.
        edge_weight: Confidence of each edge, in ``[0, 1]``.
        multiplicity: How many concrete edges each edge stands for.
        num_nodes: Number of nodes ``N``.
        num_relations: Number of relations before reversal.
        norm: ``"mean"`` divides by the number of edges, ``"sqrt"`` by its square root, ``"sum"`` by one.

    Shapes:
        - **edge_index**: ``(2, E)``; **edge_type**, **edge_weight**, **multiplicity**: ``(E,)``.
    """

    edge_index: Tensor
    edge_type: Tensor
    edge_weight: Tensor
    multiplicity: Tensor
    num_nodes: int
    num_relations: int
    norm: str = "sqrt"

    @property
    def num_message_relations(self) -> int:
        """Relations with their reverses."""
        return 2 * self.num_relations

    @cached_property
    def _both_ways(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Sources, destinations, relations, weights, multiplicities, sorted by relation and destination."""
        head, tail, half = self.edge_index[0], self.edge_index[1], self.edge_type.numel()
        src, dst = torch.cat((head, tail)), torch.cat((tail, head))
        relation = torch.cat((self.edge_type, self.edge_type + self.num_relations))
        order = stable_order(relation * self.num_nodes + dst, self.num_message_relations * self.num_nodes)
        raw = torch.where(order < half, order, order - half)
        ends = (column.index_select(0, order) for column in (src, dst, relation))
        return *ends, self.edge_weight.index_select(0, raw), self.multiplicity.index_select(0, raw)

    @cached_property
    def messages(self) -> MessageEdges:
        """All messages of this level."""
        return self._finish(*self._both_ways, self.num_nodes, self.num_nodes)

    def between(self, from_index: Tensor, to_index: Tensor, num_from: int, num_to: int) -> MessageEdges:
        """Messages from one set of nodes to another, renumbered.

        Args:
            from_index: New number of each node as a source, -1 where it is none.
            to_index: New number of each node as a destination, -1 where it is none.
            num_from: Number of sources.
            num_to: Number of destinations.

        Shapes:
            - **from_index**, **to_index**: ``(N,)``.
        """
        src, dst, *rest = self._both_ways
        src, dst = from_index.index_select(0, src), to_index.index_select(0, dst)
        use = positions((src >= 0) & (dst >= 0))
        return self._finish(*(column.index_select(0, use) for column in (src, dst, *rest)), num_from, num_to)

    def _finish(
        self,
        src: Tensor,
        dst: Tensor,
        relation: Tensor,
        weight: Tensor,
        multiplicity: Tensor,
        num_src: int,
        num_dst: int,
    ) -> MessageEdges:
        coefficient = weight * multiplicity
        if self.norm != "sum":
            _, slot = torch.unique_consecutive(relation * max(num_dst, 1) + dst, return_inverse=True)
            count = torch.zeros(slot.numel(), dtype=weight.dtype, device=weight.device)
            count = count.index_add_(0, slot, multiplicity).index_select(0, slot)
            coefficient = coefficient / (count if self.norm == "mean" else count.sqrt())
        return MessageEdges(src, dst, relation, coefficient, num_src, num_dst, self.num_message_relations)
