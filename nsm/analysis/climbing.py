"""One graph that climbs from level to level and comes back: who stays, who leads whom, what is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nsm.models import Hierarchy

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["Climb", "ClimbLevel", "climb"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ClimbLevel:
    """One level of one graph; nodes are named by their number in the concrete graph.

    Shapes, for ``N`` nodes and ``E`` edges of this level:
        - **nodes**: ``(N,)``, ascending.
        - **leaders**: ``(N,)`` the node of the next level that stands for each; itself for a node that stays. At the
          top each node for itself.
        - **edges**: ``(2, E)`` heads and tails; **relation**, **multiplicity**: ``(E,)``; the latter says how many
          concrete edges an edge stands for.
        - **error**: ``(N,)`` distance of each node from what the abstract level alone explains, relative to the mean
          distance of the level's nodes from their mean (root mean square); zero at the top.
        - **exact**: ``(N,)`` the same with all details.
    """

    nodes: Array
    leaders: Array
    edges: Array
    relation: Array
    multiplicity: Array
    error: Array
    exact: Array

    @property
    def kept(self) -> Array:
        """The nodes that stay on the way up."""
        return np.unique(self.leaders)


@dataclass(frozen=True)
class Climb:
    """A graph on its way up and back.

    Attributes:
        levels: From the concrete one to the abstract one.
    """

    levels: Sequence[ClimbLevel]

    @property
    def clusters(self) -> Array:
        """For each concrete node the node of the abstract level that stands for it in the end."""
        found = self.levels[0].nodes
        for level in self.levels[:-1]:
            found = level.leaders[np.searchsorted(level.nodes, found)]
        return found


@torch.no_grad()
def climb(model: nn.Module, graphs: PackedGraphs, position: int) -> Climb:
    """Sends one graph up and back through a model in evaluation mode.

    Args:
        model: A hierarchy.
        graphs: Where the graph is.
        position: Which one it is.

    Raises:
        ValueError: If the model has one level only.
    """
    if not isinstance(model, Hierarchy):
        raise ValueError(f"expected a hierarchy, which has levels to climb, got {type(model).__name__}")
    device = next(model.parameters()).device
    encoded = model.encoder(graphs.batch([position]).to(device))
    ascent = model.why(encoded)
    ways = [[*reversed(list(model.descent(ascent, use_details=use))), ascent.features[-1]] for use in (False, True)]
    nodes, levels = np.arange(encoded.x.shape[0]), []
    for depth, (x, graph) in enumerate(zip(ascent.features, ascent.graphs, strict=True)):
        is_top = depth == len(ascent.plans)
        local = np.arange(len(nodes)) if is_top else ascent.plans[depth].leader.cpu().numpy()
        levels.append(
            ClimbLevel(
                nodes=nodes,
                leaders=nodes[local],
                edges=nodes[graph.edge_index.cpu().numpy()],
                relation=graph.edge_type.cpu().numpy(),
                multiplicity=graph.multiplicity.cpu().numpy(),
                error=_node_errors(ways[0][depth], x),
                exact=_node_errors(ways[1][depth], x),
            )
        )
        if not is_top:
            nodes = nodes[ascent.plans[depth].kept.cpu().numpy()]
    return Climb(levels)


def _node_errors(rebuilt: Tensor, x: Tensor) -> Array:
    """Distance of each node, relative to the spread of all; to the norm where there is no spread, as of one node."""
    spread, whole = (x - x.mean(dim=0)).square().sum(1).mean().sqrt(), x.square().sum(1).mean().sqrt()
    unit = spread if spread > 1e-3 * whole else whole
    errors = (rebuilt - x).square().sum(1).sqrt() / unit.clamp_min(1e-12)
    return errors.cpu().numpy().astype(np.float64)
