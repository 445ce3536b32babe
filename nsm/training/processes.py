"""Several processes that train as one: what they agree on, and the gradient that they add up."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from lightning_fabric.wrappers import _FabricModule

__all__ = ["Processes"]


class Processes:
    """The processes of one training; where there is only one, nothing here does anything.

    Each process computes the gradient of its share of a batch, divided by the graphs of the whole batch; their sum
    is the gradient of one process. It is added up after the last micro-batch and not while gradients arise, so that
    a process that has run out of memory can still say so to the others.

    Args:
        fabric: Launched.
    """

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self.rank, self.count = fabric.global_rank, fabric.world_size

    @property
    def is_lead(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def any(self, claim: bool) -> bool:
        """Whether it is true of any process."""
        if self.count == 1:
            return claim
        return self._sum(torch.tensor(float(claim))).item() > 0

    def wait(self) -> None:
        """Until all have come here."""
        if self.count > 1:
            self._fabric.barrier()

    def share(self, value: Any) -> Any:
        """The value of the first process, in all of them."""
        return value if self.count == 1 else self._fabric.broadcast(value)

    def alone(self, model: _FabricModule) -> AbstractContextManager[object]:
        """While it is open, gradients are not exchanged."""
        return nullcontext() if self.count == 1 else self._fabric.no_backward_sync(model)

    def add_up(self, parameters: Iterable[nn.Parameter], sums: dict[str, float]) -> dict[str, float]:
        """Adds up the gradients, in place, and some figures that have the same names in all processes."""
        if self.count == 1:
            return sums
        parameters = list(parameters)
        has_gradient = self._sum(torch.tensor([float(p.grad is not None) for p in parameters])).tolist()
        moved = [p for p, number in zip(parameters, has_gradient, strict=True) if number]
        flat = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in moved]
        whole = self._sum(torch.cat(flat)).split([p.numel() for p in moved])
        for parameter, gradient in zip(moved, whole, strict=True):
            parameter.grad = gradient.view_as(parameter)
        names = sorted(sums)
        figures = self._sum(torch.tensor([sums[name] for name in names], dtype=torch.float64))
        return dict(zip(names, figures.tolist(), strict=True))

    def _sum(self, values: Tensor) -> Tensor:
        total = self._fabric.all_reduce(values.to(self._fabric.device), reduce_op="sum")
        assert isinstance(total, Tensor)
        return total
