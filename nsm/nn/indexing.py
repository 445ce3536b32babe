"""Orders and positions of integers, by the fastest way there is on each device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["offsets_of", "positions", "stable_order"]

PACKED_BITS = 62  # of a key and its position together, in one signed integer


def stable_order(key: Tensor, bound: int) -> Tensor:
    """The positions that sort keys, equal ones in the order in which they stand.

    On the processor each key is packed with its position into one integer: these sort in a sixth of the time, since
    no two are equal and nothing but themselves is moved.

    Args:
        key: Keys in ``[0, bound)``.
        bound: More than the highest key.

    Shapes:
        - **key** and output: ``(E,)`` int64.

    Example:
        >>> stable_order(torch.tensor([2, 0, 2, 1]), 3)
        tensor([1, 3, 0, 2])
    """
    bits = key.numel().bit_length()
    if key.device.type != "cpu" or max(bound, 1).bit_length() + bits > PACKED_BITS:
        return torch.sort(key, stable=True).indices
    packed = (key << bits).numpy()
    packed |= np.arange(len(packed))
    packed.sort()
    packed &= (1 << bits) - 1
    return torch.from_numpy(packed)


def positions(mask: Tensor) -> Tensor:
    """Where a mask is true, ascending: ``(E,)`` bool to ``(K,)`` int64.

    Example:
        >>> positions(torch.tensor([False, True, True]))
        tensor([1, 2])
    """
    if mask.device.type != "cpu":
        return mask.nonzero().squeeze(1)
    return torch.from_numpy(np.flatnonzero(mask.numpy()))


def offsets_of(index: Tensor, size: int) -> Tensor:
    """Where each of the numbers ``0 .. size - 1`` begins in an ascending index: ``(size + 1,)`` offsets.

    Example:
        >>> offsets_of(torch.tensor([0, 0, 2]), 4)
        tensor([0, 2, 2, 3, 3])
    """
    offsets = index.new_zeros(size + 1)
    torch.cumsum(torch.bincount(index, minlength=size), 0, out=offsets[1:])
    return offsets
