"""What a training costs, from a dated list of prices."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

__all__ = ["Prices", "gpu_of", "load_prices"]

CORES, MEMORY_GIB = 4, 16
"""What each container reserves beside its GPU; see :func:`nsm.cloud.modal_platform.container`."""

NAMES = (
    ("RTX PRO 6000", "RTX-PRO-6000"),
    ("A100-SXM4-80GB", "A100-80GB"),
    ("A100 80GB", "A100-80GB"),
    ("A100", "A100-40GB"),
    ("H200", "H200"),
    ("H100", "H100"),
    ("B200", "B200"),
    ("L40S", "L40S"),
    ("A10", "A10"),
    ("L4", "L4"),
    ("T4", "T4"),
)


@dataclass(frozen=True)
class Prices:
    """A list of prices in US dollars.

    Attributes:
        read: The day on which it was read.
        source: Where.
        gpu_second: One second of one GPU, by its name.
        core_second: One second of one core.
        gib_second: One second of one GiB of memory.
    """

    read: date
    source: str
    gpu_second: dict[str, float]
    core_second: float
    gib_second: float

    def estimate(self, gpu: str, seconds: float) -> float | None:
        """Dollars for a container with this GPU, its cores and its memory; None for a GPU without a price.

        Example:
            >>> round(load_prices().estimate("A100-40GB", 3600), 2)
            2.42
        """
        name, _, count = gpu.upper().rstrip("!+").partition(":")
        price = self.gpu_second.get(name)
        if price is None:
            return None
        rest = CORES * self.core_second + MEMORY_GIB * self.gib_second
        return seconds * (price * int(count or 1) + rest)


@cache
def load_prices() -> Prices:
    """The list that NSM brings, ``prices.toml`` beside this file."""
    return Prices(**tomllib.loads(Path(__file__).with_name("prices.toml").read_text(encoding="utf-8")))


def gpu_of(device: str | None, wanted: str) -> str:
    """The name in the list of prices for a device as CUDA calls it; that of the GPU asked for where none is known.

    Example:
        >>> gpu_of("NVIDIA A100-SXM4-80GB", "A100-40GB"), gpu_of(None, "L4")
        ('A100-80GB', 'L4')
    """
    return next((name for part, name in NAMES if part in (device or "")), wanted)
