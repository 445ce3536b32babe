"""How large the weights and the gradient of each layer are; a layer is a module that has weights of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["gradient_norms", "weight_norms"]


def weight_norms(model: nn.Module) -> dict[str, float]:
    """The norm of each layer's weights."""
    return _by_layer((name, weight.detach()) for name, weight in model.named_parameters())[1]


def gradient_norms(model: nn.Module) -> tuple[float, dict[str, float]]:
    """The norm of the whole gradient as it is now, and that of each layer that has one."""
    return _by_layer((name, weight.grad) for name, weight in model.named_parameters() if weight.grad is not None)


def _by_layer(named: Iterable[tuple[str, Tensor]]) -> tuple[float, dict[str, float]]:
    pairs = list(named)
    if not pairs:
        return 0.0, {}
    norms = torch.stack(torch._foreach_norm([tensor for _, tensor in pairs]))
    whole, *each = torch.cat([norms.norm()[None], norms]).tolist()  # one transfer from the device
    squares: dict[str, float] = {}
    for (name, _), norm in zip(pairs, each, strict=True):
        layer = name.rpartition(".")[0]
        squares[layer] = squares.get(layer, 0.0) + norm * norm
    return whole, {layer: math.sqrt(square) for layer, square in squares.items()}
