"""The edges of one level, and the messages along them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from nsm.nn.indexing import positions
from nsm.nn.slots import Slots, find_slots


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
    def messages(self) -> Slots:
        """All messages of this level."""
        sizes = (self.num_nodes, self.num_nodes, self.num_relations)
        weights = (self.edge_weight, self.multiplicity)
        there, back, ends = find_slots((self.edge_index[0], self.edge_index[1]), self.edge_type, *weights, sizes, self.norm)
        return Slots((there, back), ends)

    def between(self, first_index: Tensor, second_index: Tensor, num_first: int, num_second: int) -> tuple[Slots, Slots]:
        """Messages from one set of nodes to another that has none of them, renumbered, and those on the way back.

        Args:
            first_index: New number of each node in the first set, -1 where it is none of it.
            second_index: The same for the second set.
            num_first: Size of the first set.
            num_second: Size of the second set.

        Shapes:
            - **first_index**, **second_index**: ``(N,)``.
        """
        head, tail = self.edge_index[0], self.edge_index[1]
        first_head, second_tail = first_index.index_select(0, head), second_index.index_select(0, tail)
        first_tail, second_head = first_index.index_select(0, tail), second_index.index_select(0, head)
        is_forward = (first_head >= 0) & (second_tail >= 0)
        use = positions(is_forward | ((first_tail >= 0) & (second_head >= 0)))
        first, second, relation, weight, multiplicity = (
            column.index_select(0, use)
            for column in (
                torch.where(is_forward, first_head, first_tail),
                torch.where(is_forward, second_tail, second_head),
                torch.where(is_forward, self.edge_type, self.edge_type + self.num_relations),
                self.edge_weight,
                self.multiplicity,
            )
        )
        sizes = (num_first, num_second, self.num_message_relations)
        there, back, ends = find_slots((first, second), relation, weight, multiplicity, sizes, self.norm)
        # on the way back each message goes under the reverse relation
        return Slots((there,), ends), Slots((back,), ends, first_relation=self.num_relations)
