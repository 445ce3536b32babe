"""The batch: what it says of itself, and moving it to another device."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace

import pytest
import torch
from torch import Tensor

from nsm.data.batch import BatchEvidence, GraphBatch
from nsm.data.packed import PackedGraphs

TENSORS = [field.name for field in fields(GraphBatch) if field.name not in ("num_graphs", "folder")]


def test_sizes(odd_graphs: PackedGraphs) -> None:
    batch = odd_graphs.batch(range(20))
    assert batch.num_nodes == int(batch.ptr[-1]) == len(batch.batch) == len(batch.tie_key)
    assert batch.num_edges == len(batch.edge_type) == len(batch.edge_weight) == len(batch.edge_level)
    assert batch.num_graphs == len(batch.y) == len(batch.index) == len(batch.ptr) - 1


def test_every_tensor_moves_and_the_original_stays(odd_graphs: PackedGraphs) -> None:
    batch = odd_graphs.batch([0, 1])
    before = {name: getattr(batch, name).clone() for name in TENSORS}
    moved = batch.to("meta")
    for name in TENSORS:
        there, here = getattr(moved, name), getattr(batch, name)
        assert there.device.type == "meta", name
        assert (there.shape, there.dtype) == (here.shape, here.dtype), name
        assert torch.equal(here, before[name]), name
    assert moved.num_graphs == 2
    assert {name for name, value in vars(batch).items() if isinstance(value, Tensor)} == set(TENSORS)


def test_a_device_may_be_given_by_name_or_as_such(odd_graphs: PackedGraphs) -> None:
    batch = odd_graphs.batch([3])
    for same in (batch.to("cpu"), batch.to(torch.device("cpu"))):
        assert same is not batch
        assert same.tie_key is batch.tie_key  # nothing is copied for nothing
        assert torch.equal(same.x, batch.x)
    assert batch.to("cpu").x is batch.x
    assert batch.to("meta").x.device.type == "meta"


def test_features_are_made_when_asked_for_and_values_stand_in_the_last(odd_graphs: PackedGraphs) -> None:
    batch = odd_graphs.batch([3, 5, 3])
    assert "x" not in vars(batch)
    assert batch.value is not None and batch.value.shape[1] == 2
    assert torch.equal(batch.x[:, -2:], batch.value)
    assert torch.equal(batch.x[:, :-2], batch.features[batch.feature_row][:, :-2])
    assert not batch.features[:, -2:].any()
    part = batch.part(1, 2)
    assert torch.equal(part.x, odd_graphs.batch([5]).x)
    assert batch.x is batch.x and "x" not in batch.tensors()


def test_an_empty_batch(odd_graphs: PackedGraphs) -> None:
    batch = odd_graphs.batch([])
    assert (batch.num_graphs, batch.num_nodes, batch.num_edges) == (0, 0, 0)
    assert batch.ptr.tolist() == [0]


def test_evidence_is_apart_and_cannot_be_put_into_a_batch(odd_graphs: PackedGraphs) -> None:
    evidence = odd_graphs.batch_evidence(range(10))
    assert {field.name for field in fields(BatchEvidence)}.isdisjoint(field.name for field in fields(GraphBatch))
    with pytest.raises(FrozenInstanceError):
        evidence.nodes = evidence.triples  # type: ignore[misc]
    with pytest.raises(TypeError):
        replace(odd_graphs.batch([0]), nodes=evidence.nodes)
