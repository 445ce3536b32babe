"""A Bayesian network: order, sizes, and worlds drawn from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nsm.data.causal.bif import read_bif
from nsm.data.causal.elimination import joint_table
from tests.data.causal.networks_by_hand import SPRINKLER, write


def test_causes_come_first_whatever_the_order_of_the_file(tmp_path: Path) -> None:
    lines = SPRINKLER.splitlines(keepends=True)
    turned = lines[:2] + lines[2:6][::-1] + lines[6:]
    network = read_bif(write(tmp_path, "".join(turned)))
    assert network.variables == ("lawn", "sprinkler", "rain", "season")
    assert network.cards == (2, 2, 2, 3)
    assert network.size == 4
    place = {v: i for i, v in enumerate(network.topological)}
    assert sorted(place) == [0, 1, 2, 3]
    assert all(place[p] < place[v] for v, parents in enumerate(network.parents) for p in parents)


def test_frequencies_of_100_000_worlds_are_the_exact_marginals(tmp_path: Path) -> None:
    network, count = read_bif(write(tmp_path)), 100_000
    worlds = network.simulate(count, np.random.default_rng(0))
    for v in range(network.size):
        exact = joint_table(network, [v])
        seen = np.bincount(worlds[:, v], minlength=network.cards[v]) / count
        assert (np.abs(seen - exact) < 4.5 * np.sqrt(exact * (1 - exact) / count)).all()
