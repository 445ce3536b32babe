"""What every model returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor


@dataclass
class Output:
    """Result of one forward pass; unpacks as ``logits, reconstructed = model(batch)``.

    Shapes:
        - **logits**: ``(G, K)``.
        - **reconstructed**: ``(N, C)`` details-free reconstruction of ``target``; None from a flat model, or
          where it was not asked for.
        - **target**: ``(N, C)`` encoder output, layer-normalised and detached, or None.
        - **batch**: ``(N,)`` graph of each node.
    """

    logits: Tensor
    reconstructed: Tensor | None
    target: Tensor | None
    batch: Tensor

    def __iter__(self) -> Iterator[Tensor | None]:
        yield self.logits
        yield self.reconstructed
