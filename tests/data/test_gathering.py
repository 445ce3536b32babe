"""Gathering: several batches at once are those that are gathered one by one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nsm.data.folder import PackedFolder
from nsm.data.gathering import gather_batches, rows_of
from nsm.data.packed import PackedGraphs
from nsm.data.writing import write_packed
from tests.data.odd_source import SCHEMA, odd_sample


def test_several_batches_at_once(odd_graphs: PackedGraphs) -> None:
    parts = [[9, 0, 3, 3], [], [2], [1, 63, 0]]
    together = odd_graphs.batches(parts)
    assert [batch.num_graphs for batch in together] == [4, 0, 1, 3]
    for batch, part in zip(together, parts, strict=True):
        alone = odd_graphs.batch(part)
        assert batch.tensors().keys() == alone.tensors().keys()
        for name, column in batch.tensors().items():
            assert torch.equal(column, getattr(alone, name)), name
            assert column.dtype == getattr(alone, name).dtype, name


def test_the_rows_of_graphs() -> None:
    rows, counts = rows_of(np.array([0, 2, 2, 5]), np.array([2, 1, 0]))
    assert (rows.tolist(), counts.tolist()) == ([2, 3, 4, 0, 1], [3, 0, 2])


def test_numbers_too_large_for_two_bytes(tmp_path: Path) -> None:
    nodes = 70_000
    sample = replace(
        odd_sample(2),
        node_type=np.zeros(nodes, np.int64),
        role=np.zeros(nodes, np.int64),
        order=np.full(nodes, -1),
        value=np.zeros((nodes, 2), np.float32),
        head=np.array([nodes - 1]),
        tail=np.array([1]),
        names=["node"] * nodes,
    )
    write_packed(tmp_path / "large", SCHEMA, [sample])
    large = PackedGraphs.open(tmp_path / "large")
    assert large.batch([0, 0]).edge_index.tolist() == [[nodes - 1, 2 * nodes - 1], [1, nodes + 1]]


def test_relations_leave_bits_for_the_nodes(odd_graphs: PackedGraphs) -> None:
    stored = PackedFolder(odd_graphs.folder)
    packed, bits = stored.edge_rows
    highest = int(stored.arrays["relation"].max())
    assert 2 * bits + highest.bit_length() in (62, 63)
    assert (packed >> 2 * bits).tolist() == stored.arrays["relation"].tolist()
    assert (packed >> bits & (1 << bits) - 1).tolist() == stored.arrays["tail"].tolist()
    assert (packed & (1 << bits) - 1).tolist() == stored.arrays["head"].tolist()


def test_the_last_relation_and_a_batch_that_is_just_not_too_large(tmp_path: Path) -> None:
    relations = tuple(f"r{number}" for number in range(2**15 - 1))
    schema = replace(SCHEMA, relations=relations)
    four = replace(
        odd_sample(2),
        node_type=np.zeros(4, np.int64),
        role=np.zeros(4, np.int64),
        order=np.full(4, -1),
        value=np.zeros((4, 2), np.float32),
        head=np.array([3, 0]),
        relation=np.array([2**15 - 2, 0]),
        tail=np.array([0, 3]),
        confidence=np.ones(2, np.float32),
        level=np.ones(2, np.int64),
        names=["node"] * 4,
        evidence_nodes=(),
        evidence_triples=(),
    )
    write_packed(tmp_path / "wide", schema, [four])
    stored = PackedFolder(tmp_path / "wide")
    assert stored.edge_rows.bits == 24
    [batch] = gather_batches(stored, np.array([0, 0]), [2])
    assert batch.edge_index.tolist() == [[0, 3, 4, 7], [3, 0, 7, 4]]
    assert batch.edge_type.tolist() == [0, 2**15 - 2] * 2
    narrow = stored.edge_rows.packed  # the same in three bits, which eight nodes just fit in
    head, tail, relation = narrow & 0xFFFFFF, narrow >> 24 & 0xFFFFFF, narrow >> 48
    stored.edge_rows = stored.edge_rows._replace(packed=relation << 6 | tail << 3 | head, bits=3)
    [same] = gather_batches(stored, np.array([0, 0]), [2])
    assert torch.equal(same.edge_index, batch.edge_index) and torch.equal(same.edge_type, batch.edge_type)


def test_a_batch_of_more_nodes_than_there_are_bits_is_refused(odd_graphs: PackedGraphs) -> None:
    stored = PackedFolder(odd_graphs.folder)
    many = int(stored.arrays["node_ptr"][8] - stored.arrays["node_ptr"][0])
    assert many > 8
    stored.edge_rows = stored.edge_rows._replace(bits=3)
    with pytest.raises(ValueError, match=r"expected at most 8 nodes in a batch, got \d+: put fewer graphs in it"):
        gather_batches(stored, np.arange(8), [8])


def test_confidences_are_read_only_where_some_edge_is_uncertain(odd_graphs: PackedGraphs, tmp_path: Path) -> None:
    assert not PackedFolder(odd_graphs.folder).is_certain
    sample = odd_sample(4)
    sample = replace(sample, confidence=np.ones(sample.num_triples, np.float32))
    write_packed(tmp_path / "certain", SCHEMA, [sample])
    certain = PackedGraphs.open(tmp_path / "certain")
    assert PackedFolder(certain.folder).is_certain
    assert certain.batch([0, 0]).edge_weight.tolist() == [1.0] * 2 * sample.num_triples
