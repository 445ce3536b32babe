"""A Bayesian network: discrete variables, their causes, and a table of probabilities for each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["BayesianNetwork"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BayesianNetwork:
    """Variables with states, in the order of the file.

    Args:
        name: Name of the network.
        variables: Names of the variables.
        states: Names of the states of each variable.
        parents: Direct causes of each variable.
        tables: P(variable | parents): one axis for each parent, in order, then one for the variable.
    """

    name: str
    variables: tuple[str, ...]
    states: tuple[tuple[str, ...], ...]
    parents: tuple[tuple[int, ...], ...]
    tables: tuple[Floats, ...]

    @property
    def size(self) -> int:
        """Number of variables."""
        return len(self.variables)

    @cached_property
    def cards(self) -> tuple[int, ...]:
        """Number of states of each variable."""
        return tuple(len(states) for states in self.states)

    @cached_property
    def topological(self) -> tuple[int, ...]:
        """The variables, causes first."""
        order: dict[int, None] = {}

        def visit(variable: int) -> None:
            if variable not in order:
                for parent in self.parents[variable]:
                    visit(parent)
                order[variable] = None

        for variable in range(self.size):
            visit(variable)
        return tuple(order)

    def simulate(self, count: int, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Draws worlds from the network as it is, ``(count, size)`` numbers of states."""
        worlds = np.zeros((count, self.size), dtype=np.int64)
        for v in self.topological:
            rows = self.tables[v][tuple(worlds[:, p] for p in self.parents[v])]
            cumulated = np.broadcast_to(rows, (count, self.cards[v])).cumsum(axis=1)
            worlds[:, v] = (rng.random((count, 1)) * cumulated[:, -1:] >= cumulated).sum(axis=1)
        return worlds
