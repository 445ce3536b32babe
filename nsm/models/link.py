"""The link scorer: for queries (head, relation, ?), the scores of all entities as tails in one pass over the graph."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nsm.nn import QueryEdges, RelationalUpdate


class LinkScorer(nn.Module):
    """Messages start from the head and know what is asked; where they arrive, a score is read.

    It has no embedding of any entity, so it works on graphs of other entities with the same relations.

    Args:
        num_relations: Number of relations, reverses not counted.
        channels: Number of features per node.
        num_layers: How far messages run.

    Shapes:
        - **source**, **relation**: ``(Q,)``, a relation from ``num_relations`` on asks for heads; output ``(Q, N)``.

    References:
        Zhu et al., Neural Bellman-Ford Networks, NeurIPS 2021.
    """

    def __init__(self, num_relations: int, *, channels: int = 32, num_layers: int = 3) -> None:
        super().__init__()
        relations = 2 * num_relations
        self.asked = nn.Embedding(relations, channels)
        self.start = nn.Embedding(relations, channels)
        self.layers = nn.ModuleList(
            RelationalUpdate(channels, channels, channels, relations, scale=0.5) for _ in range(num_layers)
        )
        self.score = nn.Sequential(
            nn.LayerNorm(2 * channels), nn.Linear(2 * channels, channels), nn.ReLU(), nn.Linear(channels, 1)
        )

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
            hidden_edge, hidden_query: Facts that a query must not see, see `QueryEdges.messages`.
        """
        queries, nothing = source.numel(), source.new_empty(0)
        hidden_edge = nothing if hidden_edge is None else hidden_edge
        hidden_query = nothing if hidden_query is None else hidden_query
        messages = edges.messages(queries, hidden_edge, hidden_query)
        asked = self.asked(relation)
        x = asked.repeat(edges.num_nodes, 1)
        x = x.index_add(0, source * queries + torch.arange(queries, device=source.device), self.start(relation))
        for layer in self.layers:
            x = x + layer(x, messages)
        scores: Tensor = self.score(torch.cat((x, asked.repeat(edges.num_nodes, 1)), dim=1))
        return scores.view(edges.num_nodes, queries).t()
