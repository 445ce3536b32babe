"""Where a training computes, and what it uses there."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from lightning_fabric import Fabric

from nsm.errors import ConfigError

if TYPE_CHECKING:
    from nsm.config import Config

__all__ = ["open_fabric", "peak_memory_mib", "require_device", "torch_threads"]


def require_device(config: Config) -> bool:
    """Whether to compute on a GPU.

    Raises:
        ConfigError: If the configuration needs a GPU and there is none.
    """
    is_gpu = torch.cuda.is_available() and config.accelerator != "cpu"
    if config.accelerator == "gpu" and not is_gpu:
        raise ConfigError("accelerator: 'gpu' was asked for, but torch finds none", hint="set it to 'auto'")
    if config.precision == "16-mixed" and not is_gpu:
        hint = "on the processor use 'bf16-mixed' or '32-true'"
        raise ConfigError("precision: '16-mixed' needs a GPU", hint=hint)
    return is_gpu


def open_fabric(config: Config) -> Fabric:
    """Fabric on the configured device, launched.

    Raises:
        ConfigError: If the configuration needs a GPU and there is none.
    """
    accelerator = "cuda" if require_device(config) else "cpu"
    fabric = Fabric(accelerator=accelerator, devices=config.devices, precision=config.precision)
    fabric.launch()
    return fabric


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Lets each operation of torch use ``count`` threads while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def peak_memory_mib(device: torch.device) -> float:
    """The most memory that was in use so far: a GPU's own, else that of this process, in MiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # kilobytes on Linux, bytes on macOS
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
