"""Structural causal models over binary variables, and the probabilities of each mechanism in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["AND_NOT", "KINDS", "MAX_PARENTS", "OR", "THRESHOLD", "CausalModel"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

KINDS = ("noisy_or", "noisy_and_not", "noisy_threshold")
OR, AND_NOT, THRESHOLD = range(len(KINDS))
MAX_PARENTS = 3
COMBINATIONS = np.arange(2**MAX_PARENTS)[:, None] >> np.arange(MAX_PARENTS) & 1  # (8, 3): the values of the parents


@dataclass(frozen=True, eq=False)
class CausalModel:
    """Variables in topological order, each a noisy function of its direct causes.

    A cause *transmits* with the probability of its strength. A variable is 1

    - ``noisy_or``: if its leak fires, or a promoting cause that is 1 transmits, or an inhibiting cause that is 0;
    - ``noisy_and_not``: if its leak fires or a promoting cause that is 1 transmits, and no inhibiting cause that is 1
      does;
    - ``noisy_threshold``: if the strengths of the promoting causes that are 1, less those of the inhibiting ones,
      reach its threshold;

    and then the other way round with the probability of its noise rate.

    Args:
        kind: Mechanism of each variable, a position in ``KINDS``.
        level: Probability of the leak, or the threshold.
        noise: Noise rate.
        parent: Direct causes, all earlier than the variable; -1 fills the rest of a row.
        promotes: Whether each cause promotes.
        strength: Strength of each cause, 0 where there is none.

    Shapes:
        - **kind**, **level**, **noise**: ``(n,)``; **parent**, **promotes**, **strength**: ``(n, 3)``.
    """

    kind: Array
    level: Floats
    noise: Floats
    parent: Array
    promotes: Array
    strength: Floats

    @property
    def size(self) -> int:
        """Number of variables ``n``."""
        return len(self.kind)

    @cached_property
    def parents(self) -> list[list[int]]:
        """The direct causes of each variable."""
        return [[p for p in row if p >= 0] for row in self.parent.tolist()]

    @cached_property
    def children(self) -> list[list[int]]:
        """The direct effects of each variable."""
        children: list[list[int]] = [[] for _ in self.parents]
        for child, parents in enumerate(self.parents):
            for parent in parents:
                children[parent].append(child)
        return children

    @cached_property
    def causes(self) -> list[list[tuple[int, bool, float]]]:
        """Of each variable its direct causes, whether each promotes, and its strength."""
        rows = zip(self.parent.tolist(), self.promotes.tolist(), self.strength.tolist(), strict=True)
        return [[cause for cause in zip(*row, strict=True) if cause[0] >= 0] for row in rows]

    @cached_property
    def probability(self) -> Floats:
        """P(variable is 1) for each combination of its parents' values, first parent the lowest bit: ``(n, 8)``."""
        on = self._on
        return (1 - self.noise[:, None]) * on + self.noise[:, None] * (1 - on)

    @cached_property
    def twin_probability(self) -> Floats:
        """P(twin is 1 | variable, its parents, the twin's parents), the noise being shared: ``(n, 2, 8, 8)``."""
        on, both = self._on, self._both_on
        flip = self.noise[:, None, None]
        only, other = on[:, :, None] - both, on[:, None, :] - both
        neither = 1 - both - only - other
        one_one = (1 - flip) * both + flip * neither
        zero_one = (1 - flip) * other + flip * only
        given_one = one_one / self.probability[:, :, None]
        given_zero = zero_one / (1 - self.probability[:, :, None])
        return np.stack([given_zero, given_one], axis=1)

    @cached_property
    def _sends(self) -> Array:
        """Which causes may make their effect 1 in each combination: ``(n, 8, 3)``."""
        is_or = (self.kind == OR)[:, None]
        value = COMBINATIONS[None] == 1
        sends = np.where(self.promotes[:, None], value, is_or[:, :, None] & ~value)
        return np.asarray(sends & (self.strength > 0)[:, None])

    @cached_property
    def _blocks(self) -> Array:
        """Which causes may hinder their effect in each combination: ``(n, 8, 3)``."""
        may = (self.kind == AND_NOT)[:, None] & ~self.promotes & (self.strength > 0)
        return np.asarray(may[:, None] & (COMBINATIONS[None] == 1))

    @cached_property
    def _silence(self) -> Floats:
        """Logarithm of the probability that a cause does not transmit, ``(n, 3)``."""
        return np.log1p(-self.strength)

    @cached_property
    def _is_reached(self) -> Floats:
        """Whether the threshold is reached in each combination, ``(n, 8)``."""
        signed = np.where(self.promotes, self.strength, -self.strength)
        return np.asarray(signed @ COMBINATIONS.T >= self.level[:, None], dtype=np.float64)

    @cached_property
    def _on(self) -> Floats:
        """P(1 before the noise) by combination, ``(n, 8)``."""
        silent = (1 - self.level)[:, None] * np.exp(np.einsum("nck,nk->nc", self._sends, self._silence))
        open_ = np.exp(np.einsum("nck,nk->nc", self._blocks, self._silence))
        return np.where((self.kind == THRESHOLD)[:, None], self._is_reached, (1 - silent) * open_)

    @cached_property
    def _both_on(self) -> Floats:
        """P(1 before the noise in both worlds) by pairs of combinations, ``(n, 8, 8)``."""
        leak_silent = (1 - self.level)[:, None]
        one = leak_silent * np.exp(np.einsum("nck,nk->nc", self._sends, self._silence))
        either = self._sends[:, :, None] | self._sends[:, None, :]
        both_silent = leak_silent[:, :, None] * np.exp(np.einsum("nabk,nk->nab", either, self._silence))
        sent = 1 - one[:, :, None] - one[:, None, :] + both_silent
        blocks = self._blocks[:, :, None] | self._blocks[:, None, :]
        open_ = np.exp(np.einsum("nabk,nk->nab", blocks, self._silence))
        reached = self._is_reached[:, :, None] * self._is_reached[:, None, :]
        return np.where((self.kind == THRESHOLD)[:, None, None], reached, sent * open_)
