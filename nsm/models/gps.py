"""GPS, a graph transformer: messages along the edges and attention among all nodes of a graph; a baseline."""

from __future__ import annotations

from torch import Tensor, nn
from torch_geometric.utils import to_dense_batch

from nsm.models.encoder import Encoded
from nsm.models.gine import GINE, GINELayer
from nsm.nn import DropoutKey
from nsm.nn.reversible import KeyedDropout

__all__ = ["GPS"]


class GlobalAttention(nn.Module):
    """Normalise, attend to every node of the same graph, to be added to the stream.

    Args:
        channels: Number of features ``C``, even; with four heads where it is a multiple of four, two otherwise.

    Shapes:
        - **x**, output: ``(N, C)``; **batch**: ``(N,)`` ascending.

    Raises:
        ValueError: With an odd number of channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        if channels % 2:
            raise ValueError(f"channels must be even to be split among heads, got {channels}")
        heads = 4 if channels % 4 == 0 else 2
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
        """Returns the update."""
        dense, is_node = to_dense_batch(self.norm(x), batch, batch_size=num_graphs)
        update, _ = self.attention(dense, dense, dense, key_padding_mask=~is_node, need_weights=False)
        found: Tensor = update[is_node]
        return found


class GPSLayer(nn.Module):
    r"""A local and a global update side by side, then one of each node alone.

    .. math::
        h = x + \mathrm{GINE}(\hat x) + \mathrm{Attention}(\hat x), \qquad y = h + \mathrm{MLP}(\hat h)

    Each of the three has a layer norm of its own.

    Args:
        channels: Number of features ``C``.
        dropout: Probability of dropping a value of an update.
        place: Number of the layer; the masks of two layers differ.
        key: What the masks are drawn from.

    Shapes:
        - **x**, output: ``(N, C)``; **edges**: what :class:`~nsm.models.gine.GINELayer` takes; **batch**: ``(N,)``.
    """

    def __init__(self, channels: int, dropout: float, place: int, key: DropoutKey) -> None:
        super().__init__()
        self.local, self.attention = GINELayer(channels), GlobalAttention(channels)
        inner = nn.Linear(channels, 2 * channels)
        self.inner = nn.Sequential(nn.LayerNorm(channels), inner, nn.ReLU(), nn.Linear(2 * channels, channels))
        self.dropouts = nn.ModuleList(KeyedDropout(dropout, 3 * place + i, key) for i in range(3))

    def forward(self, edges: tuple[Tensor, ...], batch: Tensor, num_graphs: int, x: Tensor) -> Tensor:
        """Applies the layer."""
        local, everywhere, alone = self.dropouts
        found = local(self.local(x, *edges)) + everywhere(self.attention(x, batch, num_graphs))
        x = x + found.to(x.dtype)
        changed: Tensor = x + alone(self.inner(x)).to(x.dtype)
        return changed


class GPS(GINE):
    """GPS layers on the concrete graph, in which every node sees every other at each layer.

    Memory and time grow with the square of the nodes of the largest graph of a batch. Arguments are those of GINE; the
    number of channels is even.

    References:
        Rampasek et al., Recipe for a General, Powerful, Scalable Graph Transformer, NeurIPS 2022. Updates are of
        normalised features and the stream itself is not, as in the other networks here; there is no encoding of
        positions beside the features.
    """

    def _add_layers(self, channels: int, count: int, dropout: float) -> None:
        self.layers = nn.ModuleList(GPSLayer(channels, dropout, i, self.key) for i in range(count))

    def _layer(self, number: int, edges: tuple[Tensor, ...], level: Encoded, x: Tensor) -> Tensor:
        changed: Tensor = self.layers[number](edges, level.batch, level.num_graphs, x)
        return changed
