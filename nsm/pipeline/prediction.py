"""A model's say about graphs: logits, reconstruction errors, reconstructed nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from nsm.analysis.evaluation import Predictions
from nsm.analysis.levels import LevelErrors, level_errors
from nsm.analysis.probing import NodeStates
from nsm.data.loader import BatchLoader
from nsm.models import Hierarchy, Output, reconstruction_error

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from nsm.data.batch import GraphBatch
    from nsm.data.packed import PackedGraphs

__all__ = ["Advance", "node_states", "predict"]

Advance = Callable[[int, int, str], None]
"""Told how many of how many batches are done, and what for."""

PROBED_GRAPHS = 600


def predict(
    model: nn.Module, graphs: PackedGraphs, fabric: Fabric, *, batch_size: int, advance: Advance, what: str
) -> Predictions:
    """Runs a model over graphs, in their order.

    Args:
        model: In evaluation mode, on the device of ``fabric``.
        graphs: What to judge.
        fabric: Device and precision.
        batch_size: Graphs per forward pass; the result does not depend on it.
        advance: Told of each batch.
        what: What ``advance`` is told that this is for.
    """
    logits: list[Tensor] = []
    exact: list[Tensor] = []
    abstract: list[Tensor] = []
    levels: list[LevelErrors] = []
    for batch, output in _outputs(model, graphs, fabric, batch_size, advance, what):
        logits.append(output.logits.float())
        if output.reconstructed is None or output.target is None:
            continue
        size = batch.num_graphs
        abstract.append(reconstruction_error(output.reconstructed, output.target, output.batch, size))
        x, x_back = model.round_trip(batch)  # type: ignore[operator]
        exact.append(reconstruction_error(x_back, x, output.batch, size))
        if isinstance(model, Hierarchy):
            levels.append(level_errors(model, batch))
    return Predictions(
        logits=_joined(logits),
        labels=graphs.labels,
        groups=graphs.groups,
        reconstruction_exact=_joined(exact) if exact else None,
        reconstruction_abstract=_joined(abstract) if abstract else None,
        levels_exact=_joined_levels([one.exact for one in levels]),
        levels_abstract=_joined_levels([one.abstract for one in levels]),
    )


def node_states(
    model: nn.Module, graphs: PackedGraphs, fabric: Fabric, *, batch_size: int, advance: Advance
) -> NodeStates | None:
    """What the abstract level alone says of the nodes of some graphs, 600 at most, from all over the set.

    Returns:
        The nodes; None for a model that reconstructs nothing.
    """
    some = graphs.subset(np.unique(np.linspace(0, len(graphs) - 1, PROBED_GRAPHS).astype(np.int64)))
    rows: list[tuple[Any, ...]] = []
    for batch, output in _outputs(model, some, fabric, batch_size, advance, "reading the abstract level"):
        if output.reconstructed is None:
            return None
        rows.append((output.reconstructed.float(), batch.node_type, batch.role, batch.order))
    return NodeStates(*(_joined(list(column)) for column in zip(*rows, strict=True)))


@torch.no_grad()
def _outputs(
    model: nn.Module, graphs: PackedGraphs, fabric: Fabric, batch_size: int, advance: Advance, what: str
) -> Iterator[tuple[GraphBatch, Output]]:
    loader = BatchLoader(graphs, batch_size, shuffle=False)
    for number, batch in enumerate(loader, start=1):
        batch = batch.to(fabric.device)
        with fabric.autocast():
            output: Output = model(batch)
        advance(number, len(loader), what)
        yield batch, output


def _joined_levels(batches: list[list[Tensor]]) -> tuple[np.ndarray[Any, np.dtype[Any]], ...]:
    """Per level the errors of the graphs of all batches."""
    return tuple(_joined(list(level)) for level in zip(*batches, strict=True))


def _joined(parts: list[Tensor]) -> np.ndarray[Any, np.dtype[Any]]:
    return torch.cat(parts).cpu().numpy()
