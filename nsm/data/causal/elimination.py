"""Exact inference in Bayesian networks by variable elimination, for all values of some variables at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from nsm.data.causal.networks import BayesianNetwork
from nsm.data.causal.worlds import ancestors
from nsm.errors import DataError

__all__ = ["Factor", "infer", "joint_table"]

Floats = npt.NDArray[np.float64]

MAX_ENTRIES = 2**22  # of a table on the way


@dataclass(frozen=True, eq=False)
class Factor:
    """A table over some variables.

    Args:
        variables: One for each axis, ascending.
        table: The numbers.
    """

    variables: tuple[int, ...]
    table: Floats


def infer(
    network: BayesianNetwork, query: int, evidence: Mapping[int, int], setting: Mapping[int, int] | None = None
) -> Floats:
    """P(query | do(setting), evidence), ``(states,)``; NaN where the evidence cannot be.

    Args:
        network: The network.
        query: The variable asked about.
        evidence: Observed states, in the network where the set variables are cut off from their causes.
        setting: States that are set.

    Raises:
        DataError: If a table on the way would be too large.
    """
    setting = setting or {}
    fixed = {**evidence, **setting}
    factors = [_slice(factor, fixed) for factor in _relevant(network, {query, *fixed}, set(setting))]
    table = _eliminate(factors, (query,), network.cards).table
    with np.errstate(invalid="ignore"):
        return np.asarray(table / table.sum())


def joint_table(network: BayesianNetwork, keep: Sequence[int], setting: Iterable[int] = ()) -> Floats:
    """P(kept variables that are not set | do(set variables)), for all states of both.

    Args:
        network: The network.
        keep: The variables of the result's axes, in order.
        setting: Those of them that are set.

    Shapes:
        - output: one axis for each of ``keep``, of the size of its states.

    Raises:
        DataError: If a table on the way would be too large.
    """
    factor = _eliminate(_relevant(network, set(keep), set(setting)), tuple(sorted(keep)), network.cards)
    return np.transpose(factor.table, [factor.variables.index(v) for v in keep])


def _relevant(network: BayesianNetwork, variables: set[int], setting: set[int]) -> list[Factor]:
    """The tables that matter for some variables, where those that are set have no causes (and no table)."""
    parents = [[] if v in setting else list(row) for v, row in enumerate(network.parents)]
    return [_factor(network, v) for v in sorted(ancestors(parents, variables) - setting)]


def _factor(network: BayesianNetwork, v: int) -> Factor:
    axes = (*network.parents[v], v)
    order = np.argsort(axes)
    return Factor(tuple(axes[i] for i in order), np.transpose(network.tables[v], order))


def _slice(factor: Factor, fixed: Mapping[int, int]) -> Factor:
    index = tuple(fixed.get(v, slice(None)) for v in factor.variables)
    return Factor(tuple(v for v in factor.variables if v not in fixed), factor.table[index])


def _eliminate(factors: list[Factor], keep: tuple[int, ...], cards: Sequence[int]) -> Factor:
    """Sums out all other variables, always the one that leaves the smallest table."""
    waiting = {v for factor in factors for v in factor.variables} - set(keep)
    while waiting:
        scopes = {v: {u for f in factors if v in f.variables for u in f.variables} for v in waiting}
        chosen = min(waiting, key=lambda v: (_entries(scopes[v], cards), v))
        touched = [factor for factor in factors if chosen in factor.variables]
        product = _product(touched, tuple(sorted(scopes[chosen])), cards)
        rest = tuple(v for v in product.variables if v != chosen)
        summed = Factor(rest, product.table.sum(axis=product.variables.index(chosen)))
        factors = [factor for factor in factors if chosen not in factor.variables] + [summed]
        waiting.remove(chosen)
    return _product(factors, keep, cards)


def _entries(variables: Iterable[int], cards: Sequence[int]) -> int:
    return reduce(lambda size, v: size * cards[v], variables, 1)


def _product(factors: list[Factor], variables: tuple[int, ...], cards: Sequence[int]) -> Factor:
    """The product of some factors over all the given variables, ascending."""
    if _entries(variables, cards) > MAX_ENTRIES:
        what = f"exact inference needs a table of {_entries(variables, cards):,} entries"
        raise DataError(f"{what}, more than {MAX_ENTRIES:,}", hint="ask about fewer variables, or a sparser network")
    table = np.ones([cards[v] for v in variables])
    for factor in factors:
        table *= factor.table.reshape([cards[v] if v in factor.variables else 1 for v in variables])
    return Factor(variables, table)
