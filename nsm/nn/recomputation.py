"""Less memory for more time: what the backward pass needs is computed again instead of kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

Halves = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Coupling:
    """One invertible step between two pairs of halves.

    Args:
        apply: The step.
        undo: Its inverse.
        weights: Gives what the step is a function of, beside the halves.
    """

    apply: Callable[[Tensor, Tensor], Halves]
    undo: Callable[[Tensor, Tensor], Halves]
    weights: Callable[[], Iterable[nn.Parameter]]


def run_couplings(couplings: Sequence[Coupling], x: Tensor, recompute: str = "none") -> Tensor:
    """Applies steps one after the other.

    Args:
        couplings: The steps.
        x: Both halves.
        recompute: ``"none"`` keeps everything for the backward pass. ``"checkpoint"`` keeps the first input and
            computes the rest again, to the same bits. ``"reverse"`` keeps the last output and computes the inputs
            from it, up to rounding, so that memory does not grow with the number of steps.

    Shapes:
        - **x** and output: ``(N, channels)``.

    References:
        Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016; Gomez et al., The Reversible Residual
        Network, NeurIPS 2017.
    """
    if recompute == "none" or not torch.is_grad_enabled():
        return _chain(couplings, x)
    if recompute == "checkpoint":
        return recomputed(lambda x: _chain(couplings, x), x)
    weights = [weight for coupling in couplings for weight in coupling.weights()]
    y: Tensor = _Reversed.apply(couplings, x, *weights)  # type: ignore[no-untyped-call]
    return y


def recomputed(compute: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``compute(x)``, of which nothing but ``x`` is kept for the backward pass; it must not draw random numbers."""
    y: Tensor = checkpoint(compute, x, use_reentrant=False, preserve_rng_state=False)
    return y


def is_out_of_memory(failure: BaseException) -> bool:
    """Whether an error says that a GPU's memory or this machine's is used up."""
    is_allocation = isinstance(failure, RuntimeError) and "can't allocate memory" in str(failure)
    return is_allocation or isinstance(failure, torch.OutOfMemoryError | MemoryError)


def _chain(couplings: Sequence[Coupling], x: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=1)
    for coupling in couplings:
        a, b = coupling.apply(a, b)
    return torch.cat((a, b), dim=1)


class _Reversed(torch.autograd.Function):
    """Keeps the output only, and walks back from it."""

    @staticmethod
    def forward(ctx: Any, couplings: Sequence[Coupling], x: Tensor, *weights: Tensor) -> Tensor:
        del weights  # given so that autograd asks for their gradients
        y = _chain(couplings, x)
        device = x.device.type
        ctx.couplings = couplings
        ctx.autocast = {
            "device_type": device,
            "enabled": torch.is_autocast_enabled(device),
            "dtype": torch.get_autocast_dtype(device),
        }
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (y,) = ctx.saved_tensors
        halves, grads = tuple(y.chunk(2, dim=1)), tuple(grad.chunk(2, dim=1))
        of_weights: list[Tensor | None] = []
        with torch.autocast(**ctx.autocast):
            for coupling in reversed(ctx.couplings):
                halves = tuple(half.requires_grad_() for half in coupling.undo(*halves))
                with torch.enable_grad():
                    outputs = coupling.apply(*halves)
                inputs = (*halves, *coupling.weights())
                first, second, *rest = torch.autograd.grad(outputs, inputs, grads, allow_unused=True)
                halves, grads = tuple(half.detach() for half in halves), (first, second)
                of_weights = [*rest, *of_weights]
        return None, torch.cat(grads, dim=1), *of_weights
