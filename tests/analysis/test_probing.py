"""The linear probe reads what is there and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from nsm.analysis import probing
from nsm.analysis.probing import NodeStates, decode


def nodes(count: int, seed: int, *, noise: float) -> NodeStates:
    random = np.random.default_rng(seed)
    node_type, role = random.integers(0, 3, count), np.zeros(count, dtype=np.int64)
    order = np.where(node_type == 2, random.integers(0, 5, count), -1)
    clean = np.hstack([np.eye(3)[node_type], np.eye(6)[order]])
    mixed = clean @ np.random.default_rng(99).normal(size=(9, 16)) * [1.0] * 16
    return NodeStates(mixed + random.normal(0, noise, mixed.shape), node_type, role, order)


def test_everything_is_read_from_clean_states() -> None:
    found = decode(nodes(600, 0, noise=0.01), nodes(300, 1, noise=0.01))
    assert found.share == {"node_type": 1.0, "role": 1.0, "order": 1.0}


def test_nothing_is_read_from_noise() -> None:
    train, test = nodes(2000, 0, noise=0.0), nodes(2000, 1, noise=0.0)
    random = np.random.default_rng(5)
    blind = [
        NodeStates(random.normal(size=(2000, 16)), part.node_type, part.role, part.order) for part in (train, test)
    ]
    found = decode(*blind)
    assert found.share["node_type"] == pytest.approx(1 / 3, abs=0.05)
    assert found.share["order"] == pytest.approx(1 / 5, abs=0.08)
    assert found.majority["node_type"] == pytest.approx(1 / 3, abs=0.05)
    assert found.majority["role"] == 1.0


def test_nodes_without_an_order_are_not_asked_for_it() -> None:
    train, test = nodes(300, 0, noise=0.01), nodes(300, 1, noise=0.01)
    steps = test.order >= 0
    only = NodeStates(test.states[steps], test.node_type[steps], test.role[steps], test.order[steps])
    assert decode(train, test).share["order"] == decode(train, only).share["order"]
    none = NodeStates(test.states, test.node_type, test.role, np.full(300, -1))
    assert decode(train, none).share["order"] is None
    assert decode(none, test).majority["order"] is None


def test_large_sets_are_drawn_with_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "MAX_NODES", 50)
    train, test = nodes(600, 0, noise=0.8), nodes(600, 1, noise=0.8)
    assert decode(train, test, seed=3) == decode(train, test, seed=3)
    assert decode(train, test, seed=3) != decode(train, test, seed=4)


def test_a_constant_channel_is_harmless() -> None:
    train, test = nodes(300, 0, noise=0.01), nodes(300, 1, noise=0.01)
    widened = [
        NodeStates(np.hstack([part.states, np.full((300, 1), 7.0)]), part.node_type, part.role, part.order)
        for part in (train, test)
    ]
    assert decode(*widened).share == {"node_type": 1.0, "role": 1.0, "order": 1.0}
