"""A model's say about graphs: logits, reconstruction errors, reconstructed nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from nsm.analysis.evaluation import Predictions
from nsm.analysis.probing import NodeStates
from nsm.data.loader import BatchLoader
from nsm.models import Hierarchy, Output, reconstruction_error
from nsm.models.control import structure_alone
from nsm.training.memory import MicroBatches

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from nsm.data.batch import GraphBatch
    from nsm.data.packed import PackedGraphs

__all__ = ["Advance", "node_states", "predict"]

Advance = Callable[[int, int, str], None]
"""Told how many of how many batches are done, and what for."""

PROBED_GRAPHS = 600


def predict(
    model: nn.Module,
    graphs: PackedGraphs,
    fabric: Fabric,
    *,
    batch_size: int,
    advance: Advance,
    what: str,
    micro: MicroBatches | None = None,
) -> Predictions:
    """Runs a model over graphs, in their order.

    Args:
        model: In evaluation mode, on the device of ``fabric``.
        graphs: What to judge.
        fabric: Device and precision.
        batch_size: Graphs per forward pass; the result does not depend on it.
        advance: Told of each batch.
        what: What ``advance`` is told that this is for.
        micro: How many graphs are computed at a time, where memory is short.
    """

    def judge(part: GraphBatch, output: Output) -> list[Tensor]:
        said = [output.logits.float()]
        if output.reconstructed is None or output.target is None:
            return said

        def error(back: Tensor, to: Tensor) -> Tensor:
            return reconstruction_error(back, to, output.batch, part.num_graphs)

        x, x_back = model.round_trip(part)  # type: ignore[operator]
        said += [error(x_back, x), error(output.reconstructed, output.target)]
        if not isinstance(model, Hierarchy):
            return said
        states, share = structure_alone(model, part)
        levels = model.level_errors(part)
        return [*said, error(states, output.target), share, *levels.exact, *levels.abstract]

    parts = _judge(model, graphs, fabric, batch_size, advance, what, judge, micro)
    logits, *errors = (_joined(list(column)) for column in zip(*parts, strict=True))
    names = ("reconstruction_exact", "reconstruction_abstract", "reconstruction_structure", "top_share")
    levels = errors[len(names) :]
    half = len(levels) // 2
    return Predictions(
        logits,
        graphs.labels,
        graphs.groups,
        **dict(zip(names, errors, strict=False)),
        levels_exact=tuple(levels[:half]),
        levels_abstract=tuple(levels[half:]),
    )


def node_states(
    model: nn.Module,
    graphs: PackedGraphs,
    fabric: Fabric,
    *,
    batch_size: int,
    advance: Advance,
    micro: MicroBatches | None = None,
    by_structure: bool = False,
) -> NodeStates | None:
    """What comes back from the abstract level of the nodes of some graphs, 600 at most, from all over the set.

    Args:
        model: In evaluation mode, on the device of ``fabric``.
        graphs: The set.
        fabric: Device and precision.
        batch_size: Graphs per forward pass.
        advance: Told of each batch.
        micro: How many graphs are computed at a time, where memory is short.
        by_structure: Whether from an abstract level whose nodes are all alike, see
            :func:`~nsm.models.control.structure_alone`.

    Returns:
        The nodes; None for a model that reconstructs nothing, or that is no hierarchy where that is needed.
    """
    if by_structure and not isinstance(model, Hierarchy):
        return None

    def read(part: GraphBatch, output: Output) -> list[Tensor]:
        found = output.reconstructed
        if found is not None and by_structure and isinstance(model, Hierarchy):
            found, _ = structure_alone(model, part)
        return [] if found is None else [found.float(), part.node_type, part.role, part.order]

    some = graphs.subset(np.unique(np.linspace(0, len(graphs) - 1, PROBED_GRAPHS).astype(np.int64)))
    parts = _judge(model, some, fabric, batch_size, advance, "reading the abstract level", read, micro)
    columns = [_joined(list(column)) for column in zip(*parts, strict=True)]
    return NodeStates(*columns) if columns else None


@torch.no_grad()
def _judge(
    model: nn.Module,
    graphs: PackedGraphs,
    fabric: Fabric,
    batch_size: int,
    advance: Advance,
    what: str,
    judge: Callable[[GraphBatch, Output], list[Tensor]],
    micro: MicroBatches | None,
) -> list[list[Tensor]]:
    """What ``judge`` makes of the parts of all batches, in their order."""
    loader, micro = BatchLoader(graphs, batch_size, shuffle=False), micro or MicroBatches()
    found: list[list[Tensor]] = []

    def compute(part: GraphBatch, _: int) -> list[Tensor]:
        part = part.to(fabric.device)
        with fabric.autocast():
            output: Output = model(part)
            return judge(part, output)

    for number, batch in enumerate(loader, start=1):
        found += micro.map(batch, compute)
        advance(number, len(loader), what)
    return found


def _joined(parts: list[Tensor]) -> np.ndarray[Any, np.dtype[Any]]:
    return torch.cat(parts).detach().cpu().numpy()  # a view of a weight still asks for its gradient
