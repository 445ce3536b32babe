"""What a machine multiplies at best, and what a piece of work multiplies."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["count_operations", "gemm_rate"]

SIZE = 1024


def gemm_rate(repetitions: int = 5) -> float:
    """Operations per second of a product of two square matrices, the best of some; additions and products count."""
    a, b, c = (torch.randn(SIZE, SIZE) for _ in range(3))
    seconds = []
    for _ in range(repetitions + 1):
        begin = time.process_time()
        torch.mm(a, b, out=c)
        seconds.append(time.process_time() - begin)
    return 2 * SIZE**3 / min(seconds[1:])


def count_operations(run: Callable[[], object]) -> int:
    """Additions and products inside of matrix products, backward pass included, those of empty slots not."""
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten._grouped_mm: _grouped})
    with counter, patch("nsm.nn.slots.PADDING", -(10**9)):
        run()
    return int(counter.get_total_flops())


def _grouped(a: Any, b: Any, *_: Any, **__: Any) -> int:
    """Of one product per group: rows by matrices, or columns by rows."""
    rows = a[0] if len(b) == 3 else a[1]
    return int(2 * rows * (a[1] if len(b) == 3 else a[0]) * b[-1])
