"""What every model returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor


class LevelErrors(NamedTuple):
    """Relative reconstruction errors of the levels below the top, from 0 up: for each ``(G,)``.

    Attributes:
        abstract: From the abstract level alone.
        exact: With all details, which is rounding only.
    """

    abstract: list[Tensor]
    exact: list[Tensor]


@dataclass
class Output:
    """Result of one forward pass; unpacks as ``logits, reconstructed = model(batch)``.

    Shapes:
        - **logits**: ``(G, K)``.
        - **reconstructed**: ``(N, C)`` details-free reconstruction of ``target``; None from a flat model, or
          where it was not asked for.
        - **target**: ``(N, C)`` encoder output, layer-normalised and detached, or None.
        - **batch**: ``(N,)`` graph of each node.
        - **level_logits**: per level ``(G, K)``, what it says by itself; empty where the model has no heads for that.
        - **imbalance**: ``(G,)`` mean over the steps up of :func:`~nsm.nn.balance.cluster_imbalance`, or None.
        - **undecoded**: ``(G,)`` how badly types and roles are read from **reconstructed**, see
          :class:`~nsm.models.decoder.NodeDecoder`, or None.
    """

    logits: Tensor
    reconstructed: Tensor | None
    target: Tensor | None
    batch: Tensor
    level_logits: list[Tensor] = field(default_factory=list)
    imbalance: Tensor | None = None
    undecoded: Tensor | None = None

    def __iter__(self) -> Iterator[Tensor | None]:
        yield self.logits
        yield self.reconstructed
