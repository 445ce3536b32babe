"""The edges of one graph, seen by many queries at once, each without the facts that are hidden from it."""

from __future__ import annotations

import torch
from torch import Tensor

from nsm.nn.graph import MessageEdges


class QueryEdges:
    """Messages of a graph in as many copies as there are queries; node ``n`` of query ``q`` is ``n * Q + q``.

    Messages run both ways, the reverse of relation ``r`` is ``r + num_relations``, and each is divided by the square
    root of the number of visible edges that reach its destination under its relation.

    Args:
        edge_index: Heads and tails.
        edge_type: Relation of each edge.
        edge_weight: Confidence of each edge.
        num_nodes: Number of nodes ``N``.
        num_relations: Number of relations before reversal.

    Shapes:
        - **edge_index**: ``(2, E)``; **edge_type**, **edge_weight**: ``(E,)``.
    """

    def __init__(
        self, edge_index: Tensor, edge_type: Tensor, edge_weight: Tensor, num_nodes: int, num_relations: int
    ) -> None:
        self.num_nodes, self.num_relations = num_nodes, num_relations
        head, tail = edge_index[0], edge_index[1]
        src, dst = torch.cat((head, tail)), torch.cat((tail, head))
        relation = torch.cat((edge_type, edge_type + num_relations))
        order = torch.sort(relation * num_nodes + dst, stable=True).indices
        place = torch.empty_like(order)
        place[order] = torch.arange(order.numel(), device=order.device)
        self._forwards, self._backwards = place.chunk(2) if order.numel() else (place, place)
        self._src, self._dst, self._weight = src[order], dst[order], edge_weight.repeat(2)[order]
        _, self._slot = torch.unique_consecutive(relation[order] * num_nodes + self._dst, return_inverse=True)
        edges_of = torch.bincount(relation, minlength=2 * num_relations)
        self._ptr = (0, *torch.cumsum(edges_of, 0).tolist())

    def messages(self, num_queries: int, hidden_edge: Tensor, hidden_query: Tensor) -> MessageEdges:
        """The messages of all queries.

        Args:
            num_queries: Number of copies ``Q``.
            hidden_edge: Edges that are hidden, in both directions.
            hidden_query: From which query each of them is hidden.

        Shapes:
            - **hidden_edge**, **hidden_query**: ``(H,)``.
        """
        queries = torch.arange(num_queries, device=self._src.device)
        visible = self._weight.new_ones((self._src.numel(), num_queries))
        visible[self._forwards[hidden_edge], hidden_query] = 0
        visible[self._backwards[hidden_edge], hidden_query] = 0
        slots = int(self._slot[-1]) + 1 if self._slot.numel() else 0
        count = visible.new_zeros((slots, num_queries)).index_add_(0, self._slot, visible)
        coefficient = self._weight.unsqueeze(1) * visible / count[self._slot].clamp(min=1).sqrt()
        return MessageEdges(
            src=(self._src.unsqueeze(1) * num_queries + queries).flatten(),
            dst=(self._dst.unsqueeze(1) * num_queries + queries).flatten(),
            coefficient=coefficient.flatten(),
            relation_ptr=tuple(bound * num_queries for bound in self._ptr),
            num_dst=self.num_nodes * num_queries,
        )
