"""The edges of one graph, seen by many queries at once, each without the facts that are hidden from it."""

from __future__ import annotations

import torch
from torch import Tensor

from nsm.nn.diagonal_conv import MessageEdges


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
        _, sizes = torch.unique_consecutive(self._relation * num_nodes + self._dst, return_counts=True)
        self._last = torch.cumsum(sizes, 0)  # of the messages that share destination and relation
        self._share = torch.repeat_interleave(torch.arange(sizes.numel(), device=order.device), sizes)

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

    def messages(self, visible: Tensor, sends: Tensor) -> MessageEdges:
        """The visible messages of the nodes that send any; the others would carry nothing.

        Shapes:
            - **visible**: ``(2 E, Q)`` bool; **sends**: ``(N, Q)`` bool.
        """
        queries = visible.shape[1]
        sent = visible & sends[self._src]
        edge, query = sent.nonzero(as_tuple=True)  # in the order of the relations
        sums = torch.cumsum(sent, 0, dtype=torch.int32)
        until = torch.cat((sums.new_zeros((1, queries)), sums[self._last - 1]))
        count = until.diff(dim=0)[self._share[edge], query]
        return MessageEdges(
            src=self._src[edge] * queries + query,
            dst=self._dst[edge] * queries + query,
            relation=self._relation[edge],
            coefficient=self._weight[edge] / count.to(self._weight.dtype).sqrt(),
            num_dst=self.num_nodes * queries,
            num_relations=2 * self.num_relations,
        )
