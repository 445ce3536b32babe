"""Exact inference, against full enumeration and against pgmpy."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from nsm.data.causal.bif import read_bif
from nsm.data.causal.elimination import infer, joint_table
from nsm.data.causal.networks import BayesianNetwork
from nsm.data.causal.shipped import network_file
from nsm.data.causal.worlds import ancestors
from nsm.errors import DataError
from tests.data.causal.networks_by_hand import named, pgmpy_model, write

NETWORKS = ("asia", "sachs", "survey", "child", "insurance", "alarm")
Floats = npt.NDArray[np.float64]


def enumerated(network: BayesianNetwork, query: int, evidence: dict[int, int], setting: dict[int, int]) -> Floats:
    """P(query | do(setting), evidence), world by world."""
    found = np.zeros(network.cards[query])
    for world in product(*(range(card) for card in network.cards)):
        if all(world[v] == state for v, state in {**evidence, **setting}.items()):
            factors = [
                network.tables[v][tuple(world[p] for p in network.parents[v])][world[v]]
                for v in range(network.size)
                if v not in setting
            ]
            found[world[query]] += np.prod(factors)
    return found / found.sum()


@pytest.fixture
def garden(tmp_path: Path) -> BayesianNetwork:
    return read_bif(write(tmp_path))


def test_answers_agree_with_full_enumeration(garden: BayesianNetwork) -> None:
    cases: list[tuple[int, dict[int, int], dict[int, int]]] = [
        (3, {}, {}),
        (0, {3: 1}, {}),
        (1, {3: 1, 2: 1}, {}),
        (3, {}, {2: 1}),
        (1, {3: 1}, {2: 1}),
        (0, {3: 0}, {1: 1, 2: 0}),
    ]
    for query, evidence, setting in cases:
        expected = enumerated(garden, query, evidence, setting)
        np.testing.assert_allclose(infer(garden, query, evidence, setting), expected, atol=1e-12)
    assert not np.allclose(infer(garden, 0, {2: 1}), infer(garden, 0, {}, {2: 1})), "seeing is not doing"


def test_a_joint_table_holds_all_answers_at_once(garden: BayesianNetwork) -> None:
    table = joint_table(garden, [2, 3, 1], [2])
    assert table.shape == (2, 2, 2)
    np.testing.assert_allclose(table.sum(axis=(1, 2)), [1, 1])
    for state, seen in product(range(2), range(2)):
        row = table[state, seen]
        np.testing.assert_allclose(row / row.sum(), infer(garden, 1, {3: seen}, {2: state}))


def test_impossible_evidence_is_not_a_number(tmp_path: Path) -> None:
    from tests.data.causal.networks_by_hand import SPRINKLER

    network = read_bif(write(tmp_path, SPRINKLER.replace("table 0.3, 0.5, 0.2", "table 0.5, 0.5, 0.0")))
    assert np.isnan(infer(network, 1, {0: 2})).all()


def test_a_table_that_is_too_large_is_refused(garden: BayesianNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nsm.data.causal.elimination.MAX_ENTRIES", 7)
    with pytest.raises(DataError, match="a table of 12 entries, more than 7"):
        joint_table(garden, [1, 2, 3])


@pytest.mark.needs_networks
@pytest.mark.filterwarnings("ignore::FutureWarning")  # pgmpy's own, of parts that it imports
@pytest.mark.parametrize("name", NETWORKS)
def test_interventions_agree_with_pgmpy(name: str) -> None:
    from pgmpy.inference import CausalInference

    network, theirs = read_bif(network_file(name)), pgmpy_model(network_file(name))
    rng, judge = np.random.default_rng(0), CausalInference(theirs)
    parents = [list(row) for row in network.parents]
    checked = 0
    while checked < 4:
        query, v = rng.permutation(network.size)[:2].tolist()
        if v not in ancestors(parents, {query}):
            continue  # pgmpy refuses queries that the intervention cannot reach
        checked += 1
        setting = {v: int(rng.integers(network.cards[v]))}
        table = judge.query([network.variables[query]], do=named(network, setting), show_progress=False)
        expected = [table.get_value(**named(network, {query: s})) for s in range(network.cards[query])]
        np.testing.assert_allclose(infer(network, query, {}, setting), expected, atol=1e-6)


@pytest.mark.needs_networks
@pytest.mark.filterwarnings("ignore::FutureWarning")  # pgmpy's own, of parts that it imports
@pytest.mark.parametrize("name", NETWORKS)
def test_with_evidence_agrees_with_pgmpy_on_the_mutilated_network(name: str) -> None:
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.inference import VariableElimination

    network = read_bif(network_file(name))
    rng, names = np.random.default_rng(1), network.variables
    checked = 0
    while checked < 3:
        query, v, *seen = rng.permutation(network.size)[:4].tolist()
        setting = {v: int(rng.integers(network.cards[v]))}
        mutilated = pgmpy_model(network_file(name))
        mutilated.remove_cpds(names[v])
        mutilated.remove_edges_from([(cause, names[v]) for cause in list(mutilated.get_parents(names[v]))])
        column = [[float(state == setting[v])] for state in range(network.cards[v])]
        mutilated.add_cpds(
            TabularCPD(names[v], network.cards[v], column, state_names={names[v]: list(network.states[v])})
        )
        world = network.simulate(1, rng)[0]
        evidence = {u: int(world[u]) for u in seen}
        ours = infer(network, query, evidence, setting)
        if np.isnan(ours).any():
            continue  # the evidence cannot be where this is set
        checked += 1
        judge = VariableElimination(mutilated)
        given = named(network, {**evidence, **setting})
        table = judge.query([names[query]], evidence=given, show_progress=False)
        expected = [table.get_value(**named(network, {query: s})) for s in range(network.cards[query])]
        np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.needs_networks
@pytest.mark.parametrize("name", ["asia", "sachs", "child", "insurance", "alarm"])
def test_frequencies_of_100_000_worlds_of_named_networks(name: str) -> None:
    network, count = read_bif(network_file(name)), 100_000
    worlds = network.simulate(count, np.random.default_rng(2))
    for v in range(network.size):
        exact = infer(network, v, {})
        seen = np.bincount(worlds[:, v], minlength=network.cards[v]) / count
        assert (np.abs(seen - exact) <= 5 * np.sqrt(exact * (1 - exact) / count) + 1e-9).all()
