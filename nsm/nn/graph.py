"""The edges of one level, and the messages along them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from nsm.nn.indexing import Array, Flags, Ints, on_device, on_host
from nsm.nn.slots import Slots, Triples, find_slots


def both_ways(edge_index: Tensor, edge_type: Tensor, num_relations: int) -> tuple[Tensor, Tensor]:
    """Every edge and its reverse, whose relation is ``num_relations`` higher: ``(2, 2 E)``, ``(2 E,)``."""
    edge_index = torch.cat((edge_index, edge_index.flip(0)), dim=1)
    return edge_index, torch.cat((edge_type, edge_type + num_relations))


@dataclass(frozen=True, eq=False)
class HostEdges:
    """The edges of a graph as arrays, ``(E,)`` each."""

    head: Ints
    tail: Ints
    relation: Ints
    weight: Array
    multiplicity: Array


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

    @classmethod
    def from_host(cls, edges: HostEdges, num_nodes: int, like: RelationalGraph) -> RelationalGraph:
        """A graph of these edges, with the relations, the norm and the device of another."""
        device = like.edge_index.device
        graph = cls(
            edge_index=on_device(np.stack((edges.head, edges.tail)), device),
            edge_type=on_device(edges.relation, device),
            edge_weight=on_device(edges.weight, device),
            multiplicity=on_device(edges.multiplicity, device),
            num_nodes=num_nodes,
            num_relations=like.num_relations,
            norm=like.norm,
        )
        graph.__dict__["host"] = edges  # they need not come back from the device
        return graph

    @cached_property
    def host(self) -> HostEdges:
        """The edges as arrays."""
        head, tail = on_host(self.edge_index)
        return HostEdges(head, tail, *map(on_host, (self.edge_type, self.edge_weight, self.multiplicity)))

    @cached_property
    def messages(self) -> Slots:
        """All messages of this level."""
        edges, sizes = self.host, (self.num_nodes, self.num_nodes, self.num_relations)
        columns = (edges.relation, edges.weight, edges.multiplicity)
        return find_slots((edges.head, edges.tail), *columns, sizes, self.norm).both_ways(self.edge_index.device)

    def untyped(self) -> RelationalGraph:
        """The same edges, all of one relation."""
        graph = replace(self, edge_type=torch.zeros_like(self.edge_type), num_relations=1)
        graph.__dict__["host"] = replace(self.host, relation=np.zeros_like(self.host.relation))
        return graph


def messages_between(
    edges: HostEdges, index: Ints, is_first: Flags, sizes: tuple[int, int], num_relations: int, norm: str
) -> Triples:
    """Messages from one set of nodes to that of all the others, renumbered; edges within a set take no part.

    Args:
        edges: The edges among all nodes.
        index: New number of each node in its set.
        is_first: Whether it is in the first set.
        sizes: Sizes of both sets.
        num_relations: Number of relations before reversal.
        norm: How messages are divided, see :class:`RelationalGraph`.

    Shapes:
        - **index**, **is_first**: ``(N,)``.
    """
    is_forward = is_first[edges.head]
    use = (is_forward != is_first[edges.tail]).nonzero()[0]
    is_forward, head, tail, relation = is_forward[use], edges.head[use], edges.tail[use], edges.relation[use]
    ends = index[np.where(is_forward, head, tail)], index[np.where(is_forward, tail, head)]
    relation = np.where(is_forward, relation, relation + num_relations)
    columns = (relation, edges.weight[use], edges.multiplicity[use])
    return find_slots(ends, *columns, (*sizes, 2 * num_relations), norm)
