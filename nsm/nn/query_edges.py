"""The edges of one graph, seen by many queries at once, each without the facts that are hidden from it."""

from __future__ import annotations

import torch
from torch import Tensor

from nsm.nn.graph import MessageEdges


class QueryEdges:
    """Messages of a graph in as many copies as there are queries; node ``n`` of query ``q`` is ``n * Q + q``.

    Messages run both ways, the reverse of relation ``r`` is ``r + num_relations``, and each is divided by the square
    root of the number of messages that reach its destination under its relation.

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
        self._forwards, self._backwards = place[: head.numel()], place[head.numel() :]
        self._src, self._dst, self._relation = src[order], dst[order], relation[order]
        self._weight = edge_weight.repeat(2)[order]

    def visible(self, num_queries: int, hidden_edge: Tensor, hidden_query: Tensor) -> Tensor:
        """Which messages each query may send.

        Args:
            num_queries: Number of queries ``Q``.
            hidden_edge: Edges that are hidden, in both directions.
            hidden_query: From which query each of them is hidden.

        Shapes:
            - **hidden_edge**, **hidden_query**: ``(H,)``; output: ``(2 E, Q)`` bool.
        """
        shown = torch.ones((self._src.numel(), num_queries), dtype=torch.bool, device=self._src.device)
        shown[self._forwards[hidden_edge], hidden_query] = False
        shown[self._backwards[hidden_edge], hidden_query] = False
        return shown

    def messages(self, visible: Tensor, reached: Tensor) -> MessageEdges:
        """The visible messages that start where a query has arrived; the others would carry nothing.

        Shapes:
            - **visible**: ``(2 E, Q)`` bool; **reached**: ``(N, Q)`` bool.
        """
        queries = visible.shape[1]
        edge, query = (visible & reached[self._src]).nonzero(as_tuple=True)  # in the order of the relations
        relation, dst = self._relation[edge], self._dst[edge] * queries + query
        _, slot = torch.unique(relation * (self.num_nodes * queries) + dst, return_inverse=True)
        coefficient = self._weight[edge]
        count = coefficient.new_zeros(slot.numel()).index_add_(0, slot, torch.ones_like(coefficient))
        edges_of = torch.bincount(relation, minlength=2 * self.num_relations)
        return MessageEdges(
            src=self._src[edge] * queries + query,
            dst=dst,
            coefficient=coefficient / count[slot].sqrt(),
            relation_ptr=(0, *torch.cumsum(edges_of, 0).tolist()),
            num_dst=self.num_nodes * queries,
        )
