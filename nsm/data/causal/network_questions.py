"""Questions about one Bayesian network: do observations and interventions make a state likelier than it is by itself?

The answer is exact. Twins ask the same of the same variables; the same states stand at other variables, so that what
can be counted is the same in both, and the answers are opposite.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from nsm.data.causal.elimination import joint_table
from nsm.data.causal.networks import BayesianNetwork
from nsm.errors import DataError

__all__ = ["NetworkQuestion", "find_network_twins"]

MIN_CHANGE = 0.01  # of the probability that is asked about
MIN_EVIDENCE = 1e-4  # probability of what is observed
MAX_PAIRS = 4  # about the same variables


@dataclass(frozen=True)
class NetworkQuestion:
    """Is P(query = asked | do(intervened), observed) higher than P(query = asked)?

    Args:
        query: The variable asked about.
        asked: Its state.
        observed: Observed states by variable.
        intervened: States that are set, by variable.
        probability: P(query = asked | do(intervened), observed).
        prior: P(query = asked).
    """

    query: int
    asked: int
    observed: dict[int, int]
    intervened: dict[int, int]
    probability: float
    prior: float

    @property
    def is_higher(self) -> bool:
        """The answer."""
        return self.probability > self.prior


def find_network_twins(
    network: BayesianNetwork, num_set: int, rng: np.random.Generator
) -> list[tuple[NetworkQuestion, NetworkQuestion]]:
    """Twins about variables that are drawn at random; none where there are none, or inference would be too large.

    Args:
        network: The network.
        num_set: Number of variables that are set.
        rng: Where the randomness comes from.
    """
    num_seen = int(rng.integers(max(0, 2 - num_set), 4))
    drawn = rng.permutation(network.size)[: num_set + num_seen + 1].tolist()
    if len(drawn) < num_set + num_seen + 1:
        return []
    query, places = drawn[0], sorted(drawn[1 : num_set + 1]) + sorted(drawn[num_set + 1 :])
    asked = int(rng.integers(network.cards[query]))
    try:
        joint = joint_table(network, [*places, query], places[:num_set])
        prior = float(joint_table(network, [query])[asked])
    except DataError:  # too large
        return []
    evidence = joint.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = joint[..., asked] / evidence - prior
    is_clear = (evidence >= MIN_EVIDENCE) & (np.abs(change) >= MIN_CHANGE)
    alike: dict[tuple[int, ...], tuple[list[tuple[int, ...]], list[tuple[int, ...]]]] = defaultdict(lambda: ([], []))
    for states in np.argwhere(is_clear).tolist():
        key = (*sorted(states[:num_set]), *sorted(states[num_set:]))
        alike[key][int(change[tuple(states)] > 0)].append(tuple(states))

    def ask(states: tuple[int, ...]) -> NetworkQuestion:
        given = list(zip(places, states, strict=True))
        probability = float(change[states]) + prior
        return NetworkQuestion(query, asked, dict(given[num_set:]), dict(given[:num_set]), probability, prior)

    pairs = []
    for lower, higher in alike.values():
        for i, j in zip(rng.permutation(len(lower)), rng.permutation(len(higher)), strict=False):
            pairs.append((ask(lower[i]), ask(higher[j])))
    return [pairs[i] for i in rng.permutation(len(pairs))[:MAX_PAIRS]]
