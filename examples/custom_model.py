"""A network of your own: attention among all nodes of a graph, beside messages along its triples.

nsm train planning --set model=examples.custom_model:GraphTransformer
"""

import torch
from torch import Tensor, nn

from nsm import Config
from nsm.data.batch import GraphBatch
from nsm.data.triples import Schema
from nsm.models.encoder import Encoder
from nsm.nn import GraphReadout, RelationalUpdate


class GlobalAttention(nn.Module):
    """Every node reads from every node of its own graph, however far apart they are."""

    def __init__(self, channels: int, heads: int = 2) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
        """Pads the graphs to one size (G, S, C), attends, and takes the padding away: (N, C)."""
        sizes = torch.bincount(batch, minlength=num_graphs)
        is_node = torch.arange(int(sizes.max()), device=x.device) < sizes.unsqueeze(1)
        padded = x.new_zeros((*is_node.shape, x.shape[1]))
        padded[is_node] = self.norm(x)
        mixed, _ = self.attention(padded, padded, padded, key_padding_mask=~is_node, need_weights=False)
        found: Tensor = mixed[is_node]
        return found


class GraphTransformer(nn.Module):
    """Built with the configuration and the schema; called with a batch; returns class scores (G, K)."""

    def __init__(self, config: Config, schema: Schema, layers: int = 2) -> None:
        super().__init__()
        channels, relations = config.channels, len(schema.relations)
        self.encoder = Encoder(schema.in_channels, channels, relations, config.message_norm)
        self.near = nn.ModuleList(RelationalUpdate(channels, channels, channels, 2 * relations) for _ in range(layers))
        self.far = nn.ModuleList(GlobalAttention(channels) for _ in range(layers))
        self.drop = nn.Dropout(config.dropout)
        self.readout = GraphReadout(channels, len(schema.labels))

    def forward(self, data: GraphBatch) -> Tensor:
        """Near and far in turn, then what the nodes say about each graph."""
        level = self.encoder(data)
        x, batch, num_graphs = level.x, level.batch, level.num_graphs
        for near, far in zip(self.near, self.far, strict=True):
            x = x + self.drop(near(x, level.graph.messages))
            x = x + self.drop(far(x, batch, num_graphs))
        scores: Tensor = self.readout([(x, batch)], num_graphs)
        return scores
