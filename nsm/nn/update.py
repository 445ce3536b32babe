"""The learned function of the coupling steps: what a node reads from its neighbours."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from nsm.nn.conv import RelationalConv, as_factor, convolve, convolve_backward
from nsm.nn.slots import Slots


class _Update(torch.autograd.Function):
    """All of the update at once: between its products everything happens in place.

    The normalised input and the activations are kept for the backward pass, which gathers the rows of the convolution
    again. ``dtype`` is that of the factors of all products; all the rest keeps the dtype of the input.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, slots: Slots, dtype: torch.dtype, *weights: Tensor | None) -> Tensor:
        out, *kept = _compute(x, slots, dtype, *weights)
        ctx.save_for_backward(x, *kept, *weights)
        ctx.slots, ctx.dtype = slots, dtype
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        x, mean, rstd, normed, hidden, scale, shift, of_relation, root, _, project, _ = ctx.saved_tensors
        slots: Slots = ctx.slots
        grad = grad_outputs[0]
        grad_hidden, *of_project = _linear_backward(grad, hidden, project, ctx.dtype)
        grad_hidden = torch.ops.aten.threshold_backward(grad_hidden, hidden, 0)
        grad_normed, grad_weight = convolve_backward(grad_hidden, normed, of_relation, slots, ctx.dtype)
        of_root: list[Tensor | None] = [None, None]
        if root is not None:
            from_root, *of_root = _linear_backward(grad_hidden, normed, root, ctx.dtype)
            grad_normed += from_root
        grad_x, *of_norm = torch.ops.aten.native_layer_norm_backward(
            grad_normed, x, [x.shape[1]], mean, rstd, scale, shift, [True, True, True]
        )
        return grad_x, None, None, *of_norm, grad_weight, *of_root, *of_project


def _compute(x: Tensor, slots: Slots, dtype: torch.dtype, *weights: Tensor | None) -> tuple[Tensor, ...]:
    """The update, then what its backward pass needs: mean and rstd of the input, the input normalised, activations."""
    scale, shift, of_relation, root, root_bias, project, bias = weights
    assert scale is not None and of_relation is not None and project is not None
    normed, mean, rstd = torch.native_layer_norm(x, [x.shape[1]], scale, shift, EPSILON)
    hidden = convolve(normed, of_relation, slots, dtype)
    if root is not None:
        hidden += _linear(normed, root, root_bias, dtype)
    hidden.relu_()
    return _linear(hidden, project, bias, dtype), mean, rstd, normed, hidden


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    if dtype == x.dtype:
        return functional.linear(x, weight, bias)
    factor = as_factor(x, dtype)
    bias = None if bias is None else bias.to(factor.dtype)
    return functional.linear(factor, as_factor(weight, dtype), bias).to(x.dtype)


def _linear_backward(grad: Tensor, x: Tensor, weight: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of input, weight and bias."""
    if dtype == x.dtype:
        return grad @ weight, grad.t() @ x, grad.sum(0)
    low = as_factor(grad, dtype)
    grad_weight = (low.t() @ as_factor(x, dtype)).to(weight.dtype)
    return (low @ as_factor(weight, dtype)).to(x.dtype), grad_weight, grad.sum(0)


EPSILON = 1e-5  # of the layer norm


class RelationalUpdate(nn.Module):
    r"""Normalise, convolve, activate, project.

    .. math:: f(x) = W_2\, \phi(\mathrm{conv}(\hat x) + W_1 \hat x), \qquad \hat x = \mathrm{LayerNorm}(x)

    Args:
        in_channels: Number of input features.
        hidden_channels: Number of features between the two maps.
        out_channels: Number of output features.
        num_relations: Number of relations, reverses included.
        use_root: Whether a node's own features take part, which needs sources and destinations to be the same
            nodes.
        scale: Factor on the initial ``W_2``; below one, a deep stack starts near the identity.

    Shapes:
        - **x**: ``(N_src, in_channels)``; output: ``(num_dst, out_channels)``.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        num_relations: int,
        *,
        use_root: bool = True,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(in_channels)
        self.conv = RelationalConv(in_channels, hidden_channels, num_relations)
        self.root = nn.Linear(in_channels, hidden_channels) if use_root else None
        self.project = nn.Linear(hidden_channels, out_channels)
        self.project.weight.data.mul_(scale)

    def forward(self, x: Tensor, slots: Slots) -> Tensor:
        """Returns the update; adding it to the stream is the caller's step."""
        norm, root, project, device = self.norm, self.root, self.project, x.device.type
        of_root = (None, None) if root is None else (root.weight, root.bias)
        weights = (norm.weight, norm.bias, self.conv.weight, *of_root, project.weight, project.bias)
        if not torch.is_autocast_enabled(device):
            return _update(x, slots, x.dtype, weights)
        dtype = torch.get_autocast_dtype(device)
        with torch.autocast(device, enabled=False):
            return _update(x.to(project.weight.dtype), slots, dtype, weights)


def _update(x: Tensor, slots: Slots, dtype: torch.dtype, weights: tuple[Tensor | None, ...]) -> Tensor:
    if not torch.is_grad_enabled():  # nothing to keep for a backward pass
        return _compute(x, slots, dtype, *weights)[0]
    update: Tensor = _Update.apply(x, slots, dtype, *weights)  # type: ignore[no-untyped-call]
    return update
