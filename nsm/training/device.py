"""Where a training computes, and what it uses there."""

from __future__ import annotations

import ctypes
import logging
import os
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

__all__ = [
    "arithmetic",
    "describe_device",
    "keep_freed_memory",
    "open_fabric",
    "peak_memory_mib",
    "process_count",
    "require_device",
]


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of the C library's mallopt


def keep_freed_memory() -> bool:
    """Asks the C library to keep what is freed instead of giving it back, and says whether it does.

    A step frees what the next one asks for again, and a page that comes from the system has to be cleared first: on
    large graphs that takes as long as the computing. Only GNU's library is asked.
    """
    if not sys.platform.startswith("linux"):
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return False
    # older releases refuse more than 32 MiB
    is_set = set_option(M_MMAP_THRESHOLD, 2**30) or set_option(M_MMAP_THRESHOLD, 2**25)
    return bool(is_set and set_option(M_TRIM_THRESHOLD, 2**31 - 1))


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
    """Fabric on the configured device, launched; with the other processes, where ``torchrun`` has started several.

    Raises:
        ConfigError: If the configuration needs a GPU and there is none, or other processes than there are.
    """
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # `describe_device` says the same, where it is due
    accelerator, count = "cuda" if require_device(config) else "cpu", process_count()
    if config.devices not in (1, count):
        command = f"torchrun --nproc-per-node={config.devices} -m nsm train ..."
        message = f"devices: expected as many processes, which torchrun starts; {config.devices} are asked for"
        raise ConfigError(f"{message}, and there are {count}", hint=f"{command}, or set devices to 1")
    here = int(os.environ["LOCAL_WORLD_SIZE"]) if count > 1 else 1
    fabric = Fabric(
        accelerator=accelerator,
        strategy="ddp" if count > 1 else "auto",
        devices=here,
        num_nodes=count // here,
        precision=config.precision,
    )
    fabric.launch()
    if accelerator == "cpu":
        keep_freed_memory()
    return fabric


def describe_device(device: torch.device, config: Config) -> str:
    """Where a training computes, why there, and how, in words.

    Example:
        >>> from nsm.config import Config
        >>> describe_device(torch.device("cpu"), Config(accelerator="cpu", precision="bf16-mixed"))
        "computing on the processor with 1 thread, bf16-mixed (accelerator is 'cpu')"
    """
    count = process_count()
    together = f" in each of {count} processes" if count > 1 else ""
    if device.type == "cuda":
        name, memory = torch.cuda.get_device_name(device), torch.cuda.get_device_properties(device).total_memory
        tf32 = ", TensorFloat-32" if config.tf32 else ""
        return f"computing on {name} with {memory / 2**30:.0f} GiB{together}, {config.precision}{tf32}"
    reason = "accelerator is 'cpu'" if config.accelerator == "cpu" else "torch finds no GPU; see nsm doctor"
    threads = f"{config.threads} thread{'s' if config.threads > 1 else ''}"
    return f"computing on the processor with {threads}{together}, {config.precision} ({reason})"


def process_count() -> int:
    """How many processes train together: those that ``torchrun`` has started, else this one."""
    return int(os.environ["WORLD_SIZE"]) if torch.distributed.is_torchelastic_launched() else 1


@contextmanager
def arithmetic(config: Config) -> Iterator[None]:
    """Lets torch compute as configured while the block runs: threads, TensorFloat-32, deterministic operations."""
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    is_strict = torch.are_deterministic_algorithms_enabled()
    if config.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS is first used
    try:
        torch.set_num_threads(config.threads)
        torch.set_float32_matmul_precision("high" if config.tf32 else before[1])
        torch.use_deterministic_algorithms(config.deterministic or is_strict)
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])
        torch.use_deterministic_algorithms(is_strict)


def peak_memory_mib(device: torch.device) -> float:
    """The most memory that was in use so far: a GPU's own, else that of this process, in MiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # kilobytes on Linux, bytes on macOS
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
