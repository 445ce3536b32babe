"""Probing: what can a linear map read from the reconstruction that the abstract level alone explains?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Decoded", "NodeStates", "decode"]

Array = npt.NDArray[Any]

MAX_NODES = 20_000
WEIGHT_DECAY = 1e-4
ITERATIONS = 60


@dataclass(frozen=True)
class NodeStates:
    """Reconstructed nodes with what they should tell.

    Shapes:
        - **states**: ``(N, C)`` reconstruction without details.
        - **node_type**, **role**, **order**: ``(N,)`` ids; an order of -1 means that the node has none.
    """

    states: Array
    node_type: Array
    role: Array
    order: Array


@dataclass(frozen=True)
class Decoded:
    """Share of test nodes whose property the linear probe reads correctly, and what guessing would reach.

    Attributes:
        share: By property, ``node_type``, ``role`` and ``order``; None where no node has it.
        majority: Share of the most frequent value of the training nodes among the test nodes.
    """

    share: dict[str, float | None]
    majority: dict[str, float | None]


def decode(train: NodeStates, test: NodeStates, *, seed: int = 0) -> Decoded:
    """Fits one linear classifier per property on training graphs and scores it on test graphs.

    Args:
        train: Nodes of training graphs; at most 20,000 of them, drawn with ``seed``, are used.
        test: Nodes of test graphs.
        seed: Seed of the draw.
    """
    share: dict[str, float | None] = {}
    guess: dict[str, float | None] = {}
    for name in ("node_type", "role", "order"):
        known, asked = getattr(train, name), getattr(test, name)
        use, score = _draw(np.flatnonzero(known >= 0), seed), np.flatnonzero(asked >= 0)
        if not len(use) or not len(score):
            share[name] = guess[name] = None
            continue
        predicted = _linear_predictions(train.states[use], known[use], test.states[score])
        values, counts = np.unique(known[use], return_counts=True)
        share[name] = float((predicted == asked[score]).mean())
        guess[name] = float((asked[score] == values[counts.argmax()]).mean())
    return Decoded(share, guess)


def _draw(positions: Array, seed: int) -> Array:
    if len(positions) <= MAX_NODES:
        return positions
    return np.sort(np.random.default_rng(seed).choice(positions, MAX_NODES, replace=False))


def _linear_predictions(states: Array, values: Array, test_states: Array) -> Array:
    """Multinomial logistic regression on standardised states, by L-BFGS from zero: no randomness."""
    classes, index = np.unique(values, return_inverse=True)
    if len(classes) == 1:
        return np.full(len(test_states), classes[0])
    x = torch.from_numpy(np.asarray(states, dtype=np.float32))
    mean, deviation = x.mean(dim=0), x.std(dim=0, correction=0).clamp_min(1e-6)
    weight = _fit((x - mean) / deviation, torch.from_numpy(index.astype(np.int64)), len(classes))
    asked = (torch.from_numpy(np.asarray(test_states, dtype=np.float32)) - mean) / deviation
    return np.asarray(classes[_scores(asked, weight).argmax(dim=1).numpy()])


def _scores(x: Tensor, weight: Tensor) -> Tensor:
    return x @ weight[:-1] + weight[-1]


def _fit(x: Tensor, target: Tensor, num_classes: int) -> Tensor:
    weight = torch.zeros(x.shape[1] + 1, num_classes, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = functional.cross_entropy(_scores(x, weight), target) + WEIGHT_DECAY * weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return weight.detach()
