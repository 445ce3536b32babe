"""What the way down owes to the stored graphs, and not to the abstract level's features."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nsm.models.hierarchy import Hierarchy

__all__ = ["structure_alone"]


@torch.no_grad()
def structure_alone(model: Hierarchy, data: Any) -> tuple[Tensor, Tensor]:
    """Comes back down from an abstract level whose nodes are all alike: the mean of their graph.

    The way down knows the edges of all levels, who leads whom and the scores, which it stores; what it makes of these
    alone is what :meth:`~nsm.models.hierarchy.Hierarchy.what` without details has to be compared with.

    Args:
        model: A hierarchy.
        data: A batch.

    Shapes:
        - output: ``(N, C)`` reconstructed nodes, and ``(G,)`` the share of each graph's nodes that are at the top.
    """
    encoded = model.encoder(data)
    ascent, count = model.why(encoded), encoded.num_graphs
    top = ascent.plans[-1].batch if ascent.plans else encoded.batch
    sizes, kept = (torch.bincount(batch, minlength=count).clamp(min=1) for batch in (encoded.batch, top))
    sums = ascent.entry.new_zeros((count, ascent.entry.shape[1])).index_add_(0, top, ascent.entry)
    alike = (sums / kept.unsqueeze(1)).index_select(0, top)
    ascent.features[-1] = model.levels[-1](alike, ascent.graphs[-1])
    return model.what(ascent, use_details=False), kept / sizes
