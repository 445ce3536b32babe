"""The link scorer: for queries (head, relation, ?), the scores of all entities as tails in one pass over the graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nsm.nn import DiagonalConv, QueryEdges
from nsm.nn.diagonal_conv import MessageEdges


class PathLayer(nn.Module):
    r"""One step further from the heads: :math:`x' = x + \phi(\mathrm{LN}(W [x, \mathrm{conv}(x)]) + x_0 + V q)`.

    Args:
        channels: Number of features ``C``.
        num_relations: Number of relations, reverses included.

    Shapes:
        - **x**, **start**, output: ``(N * Q, C)``, node by node; **asked**: ``(Q, C)``, what each query asks for.
    """

    def __init__(self, channels: int, num_relations: int) -> None:
        super().__init__()
        self.conv = DiagonalConv(channels, num_relations)
        self.linear = nn.Linear(2 * channels, channels)
        self.norm = nn.LayerNorm(channels)
        self.asked = nn.Linear(channels, channels)

    def forward(self, x: Tensor, start: Tensor, asked: Tensor, edges: MessageEdges) -> Tensor:
        """Sends messages and updates all nodes."""
        update = self.norm(self.linear(torch.cat((x, self.conv(x, edges)), dim=1))) + start
        given: Tensor = self.asked(asked)
        return x + torch.relu(update.unflatten(0, (-1, given.shape[0])) + given).flatten(0, 1)


class LinkScorer(nn.Module):
    """Messages start from the head and carry what is asked; where they arrive, a score is read.

    It has no embedding of any entity, so it works on graphs of other entities with the same relations. What no message
    from the head reaches is scored by what is around it: which relations it takes part in.

    Args:
        num_relations: Number of relations, reverses not counted.
        channels: Number of features per node.
        num_layers: How far messages run.

    Shapes:
        - **source**, **relation**: ``(Q,)``, a relation from ``num_relations`` on asks for heads; output ``(Q, N)``.

    References:
        Zhu et al., Neural Bellman-Ford Networks, NeurIPS 2021.
    """

    def __init__(self, num_relations: int, *, channels: int = 32, num_layers: int = 4) -> None:
        super().__init__()
        relations = 2 * num_relations
        self.start, self.asked = nn.Embedding(relations, channels), nn.Embedding(relations, channels)
        self.layers = nn.ModuleList(PathLayer(channels, relations) for _ in range(num_layers))
        self.score = nn.Sequential(nn.Linear(2 * channels, channels), nn.ReLU(), nn.Linear(channels, 1))

    def forward(
        self,
        edges: QueryEdges,
        source: Tensor,
        relation: Tensor,
        hidden_edge: Tensor | None = None,
        hidden_query: Tensor | None = None,
    ) -> Tensor:
        """Scores every entity as the answer of every query.

        Args:
            edges: The graph.
            source: The entity that each query starts from.
            relation: What it asks for.
            hidden_edge, hidden_query: Facts that a query must not see, see `QueryEdges.visible`.
        """
        queries, nodes = source.numel(), edges.num_nodes
        nothing = source.new_empty(0)
        hidden = (nothing, nothing) if hidden_edge is None or hidden_query is None else (hidden_edge, hidden_query)
        visible = edges.visible(queries, *hidden)
        place = source * queries + torch.arange(queries, device=source.device)
        begin: Tensor = self.start(relation)
        start = begin.new_zeros((nodes * queries, begin.shape[1])).index_copy(0, place, begin)
        sends = torch.zeros((nodes, queries), dtype=torch.bool, device=source.device)
        sends.view(-1)[place] = True
        x, asked = start, self.asked(relation)
        for layer in self.layers:
            x = layer(x, start, asked, edges.messages(visible, sends))
            sends = torch.ones_like(sends)  # from the second layer on every entity has something to say
        scores: Tensor = self.score(torch.cat((x, asked.repeat(nodes, 1)), dim=1))
        return scores.view(nodes, queries).t()
