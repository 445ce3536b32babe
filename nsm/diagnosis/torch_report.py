"""What torch finds on this machine; run as a program of its own, since a bad driver may hang or kill it.

Prints one JSON object per step, so that whoever reads it knows how far it came.
"""

from __future__ import annotations

import json
import sys
from typing import Any

__all__ = ["main"]


def main() -> None:
    """Imports torch, computes something on the processor and on each GPU."""
    import torch

    _tell("torch", version=torch.__version__, cuda=torch.version.cuda, threads=torch.get_num_threads())
    _tell("processor", exact=_is_exact(torch.device("cpu")))
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    _tell("gpus", count=count, why=None if count else _why_none())
    for index in range(count):
        properties = torch.cuda.get_device_properties(index)
        name, capability = properties.name, [properties.major, properties.minor]
        _tell("gpu", index=index, name=name, capability=capability, compiled=torch.cuda.get_arch_list())
        free, total = torch.cuda.mem_get_info(index)
        _tell("memory", index=index, free=free, total=total)
        exact = _is_exact(torch.device("cuda", index))
        with torch.cuda.device(index):
            _tell("kernel", index=index, exact=exact, bf16=torch.cuda.is_bf16_supported(including_emulation=False))


def _is_exact(device: Any) -> bool:
    """Whether small whole numbers are multiplied and added up without an error, forwards and backwards."""
    import torch

    x = torch.arange(64, dtype=torch.float32, device=device).reshape(8, 8).requires_grad_()
    product = x @ torch.eye(8, device=device)
    product.sum().backward()
    assert x.grad is not None
    return torch.equal(product, x) and bool((x.grad == 1).all())


def _why_none() -> str | None:
    """What CUDA says where torch could use it and finds no GPU."""
    import torch

    if torch.version.cuda is None:
        return None
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as failure:
        return str(failure).splitlines()[0]
    return None


def _tell(step: str, **found: Any) -> None:
    sys.stdout.write(json.dumps({"step": step, **found}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
