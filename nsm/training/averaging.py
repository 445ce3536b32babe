"""A running average of the weights, which is what is validated and kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["WeightAverage"]


class WeightAverage:
    r"""The weights of all steps so far, the later the heavier: polynomial-decay averaging.

    .. math:: \bar w_n = \bar w_{n - 1} + \frac{w_n - \bar w_{n - 1}}{1 + s\,(n - 1)}

    It reaches back over about a share ``s`` of the steps so far: it need not know how many there will be, and forgets
    the first ones. Outside of :meth:`training` the model has the averaged weights; what changes them there, but before
    the first step, changes the average only. Its buffers, such as a batch normalisation's, are those of the steps.

    Args:
        model: On its device, whose parameters change places with the average.
        share: ``s``, from 0 to 1; with 0 there is no average, and the model keeps its weights.

    References:
        Shamir and Zhang, Stochastic Gradient Descent for Non-smooth Optimization, ICML 2013 (where
        :math:`\eta = 1 / s - 1`).
    """

    def __init__(self, model: nn.Module, share: float) -> None:
        self._share, self._is_training = share, False
        self._weights = [weight for weight in model.parameters() if weight.requires_grad] if share else []
        self._set_aside = [weight.detach().clone() for weight in self._weights]

    def __bool__(self) -> bool:
        """Whether there is an average."""
        return bool(self._weights)

    @contextmanager
    def training(self, *, now: bool = True, begins: bool = False) -> Iterator[None]:
        """Gives the model the weights that are trained for a while.

        Args:
            now: False to give it the averaged ones.
            begins: Whether no step has been taken, so that what the model has now is trained.
        """
        before = self._is_training
        if begins:
            self._set_aside = [weight.detach().clone() for weight in self._weights]
        self._exchange(now)
        try:
            yield
        finally:
            self._exchange(before)

    def _exchange(self, is_training: bool) -> None:
        if is_training != self._is_training:
            for weight, other in zip(self._weights, self._set_aside, strict=True):
                weight.data, other.data = other.data, weight.data
        self._is_training = is_training

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Takes the weights in, while they are trained, after optimisation step number ``step``, from 1."""
        rate = 1 / (1 + self._share * (step - 1))
        for average, weight in zip(self._set_aside, self._weights, strict=True):
            average.lerp_(weight, rate)
