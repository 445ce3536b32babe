"""Node features: what a model sees of a node is its type, its role, its order and its values."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from nsm.data.triples import Schema

__all__ = ["node_features", "sinusoid"]

SHORTEST, LONGEST = 2.5, 256.0  # wavelengths of the order channels, in steps


def sinusoid(order: Tensor, channels: int) -> Tensor:
    r"""Encodes positions by sines and cosines of geometric wavelengths, 2.5 to 256 steps.

    .. math:: [\sin(2 \pi o / \lambda_k), \cos(2 \pi o / \lambda_k)]_k, \qquad k = 1, \dots, C/2

    Args:
        order: Positions, ``(N,)``; -1 (no order) gives zeros.
        channels: Even number of channels ``C``.

    Shapes:
        - output: ``(N, C)`` float32, first all sines, then all cosines.
    """
    half = channels // 2
    exponents = torch.arange(half, dtype=torch.float64, device=order.device) / max(half - 1, 1)
    wavelengths = SHORTEST * (LONGEST / SHORTEST) ** exponents
    angle = 2 * math.pi * order.to(torch.float64)[:, None] / wavelengths
    waves = torch.cat([angle.sin(), angle.cos()], dim=1)
    return waves.masked_fill(order[:, None] < 0, 0.0).float()


@lru_cache(maxsize=64)
def _one_hot_table(size: int) -> Tensor:
    return torch.eye(size)


@lru_cache(maxsize=64)
def _order_table(channels: int, size: int) -> Tensor:
    """Row ``o + 1`` is the encoding of order ``o``; row 0 is that of "none"."""
    return sinusoid(torch.arange(-1, size), channels)


def node_features(schema: Schema, node_type: Tensor, role: Tensor, order: Tensor, value: Tensor) -> Tensor:
    """The feature matrix: one-hot type, one-hot role, sinusoidal order, values; each by one table look-up.

    Args:
        schema: Vocabularies, which fix the width.
        node_type: ``(N,)`` int64.
        role: ``(N,)`` int64.
        order: ``(N,)`` int64, -1 = none.
        value: ``(N, V)`` float32.

    Shapes:
        - output: ``(N, schema.in_channels)`` float32, on the CPU.
    """
    blocks = [
        _one_hot_table(len(schema.node_types)).index_select(0, node_type),
        _one_hot_table(len(schema.roles)).index_select(0, role),
    ]
    if schema.order_channels:
        highest = int(order.max()) if order.numel() else -1
        size = 1 << max(highest, 63).bit_length()  # grows by doubling, so that few tables are ever made
        blocks.append(_order_table(schema.order_channels, size).index_select(0, order + 1))
    if schema.values:
        blocks.append(value)
    return torch.cat(blocks, dim=1)
