"""Content hashes: blind to order and names, sharp on everything that a model sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsm.data.hashing import content_hashes, hash_graphs, mix64
from nsm.data.packed import PackedGraphs
from nsm.data.packing import offsets, pack_samples
from nsm.data.triples import Sample
from tests.data.odd_source import SCHEMA, odd_sample, permuted


def hashes(*samples: Sample) -> list[int]:
    arrays = pack_samples(SCHEMA, samples).arrays
    found = content_hashes(arrays, offsets(arrays["num_nodes"]), offsets(arrays["num_edges"]))
    return [int(one) for one in found]


@given(number=st.integers(0, 200), seed=st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_order_of_nodes_and_triples_does_not_count(number: int, seed: int) -> None:
    sample = odd_sample(number)
    assert len(set(hashes(sample, permuted(sample, np.random.default_rng(seed))))) == 1


def test_names_groups_and_evidence_do_not_count() -> None:
    sample = odd_sample(7)
    other = replace(sample, names=[], group="other", evidence_nodes=(), source="", info={"family": "", "number": 0})
    assert len(set(hashes(sample, other))) == 1


def test_a_hash_does_not_depend_on_the_graphs_around() -> None:
    assert hashes(odd_sample(5))[0] == hashes(odd_sample(1), odd_sample(5), odd_sample(0))[1]


def _bump(name: str, by: float = 1) -> Callable[[Sample], Sample]:
    def change(sample: Sample) -> Sample:
        column = getattr(sample, name).copy()
        column[0] = column[0] + by
        return replace(sample, **{name: column})

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda s: replace(s, node_type=(s.node_type + np.eye(s.num_nodes, dtype=int)[0]) % 3),
        lambda s: replace(s, role=(s.role + np.eye(s.num_nodes, dtype=int)[0]) % 3),
        _bump("order"),
        _bump("value", 1e-3),
        lambda s: replace(s, relation=(s.relation + np.eye(s.num_triples, dtype=int)[0]) % 4),
        _bump("confidence", -1e-3),
        _bump("level"),
        lambda s: replace(s, head=s.tail, tail=s.head),
        lambda s: replace(s, head=np.roll(s.head, 1)),
    ],
)
def test_everything_a_model_sees_counts(change: Callable[[Sample], Sample]) -> None:
    sample = odd_sample(7)  # a cycle
    assert len(set(hashes(sample, change(sample)))) == 2


def test_far_structure_counts() -> None:
    """Two marks on a cycle of 12, five or six steps apart: within two steps all looks the same."""
    near, far = (_marked_cycle(distance) for distance in (5, 6))
    assert len(set(hashes(near, far))) == 2


def test_the_zeros_are_one() -> None:
    sample = odd_sample(7)
    zero, minus = (replace(sample, value=np.full_like(sample.value, z)) for z in (0.0, -0.0))
    assert len(set(hashes(zero, minus))) == 1


def test_the_value_of_a_hash_is_fixed() -> None:
    """It must not change with the process, the machine or PYTHONHASHSEED, as splits depend on it."""
    assert mix64(np.array([0], np.uint64))[0] == 0xE220A8397B1DCDAF  # SplitMix64's first output for the seed 0
    assert hashes(_marked_cycle(3)) == [13961752096998048513]


def test_hashes_of_a_view_follow_its_order(odd_graphs: PackedGraphs) -> None:
    whole = hash_graphs(odd_graphs)
    assert len(set(whole.tolist())) == len(odd_graphs)
    assert hash_graphs(odd_graphs.subset([5, 3])).tolist() == whole[[5, 3]].tolist()
    assert len(hash_graphs(odd_graphs.subset([]))) == 0


def _marked_cycle(distance: int, size: int = 12) -> Sample:
    """A cycle with two marked nodes so many steps apart."""
    nodes = np.arange(size)
    return Sample(
        node_type=np.isin(nodes, [0, distance]).astype(int),
        role=np.zeros(size, int),
        order=np.full(size, -1),
        value=np.zeros((size, 2), np.float32),
        head=nodes,
        relation=np.zeros(size, int),
        tail=np.roll(nodes, -1),
        label=0,
        group="cycle",
    )
