"""The encoder: layer-normalised nodes, and what a foreign graph may lack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from nsm.data.packed import PackedGraphs
from nsm.data.writing import write_packed
from nsm.models.encoder import Encoded, Encoder
from nsm.models.order_scale import OrderScale
from nsm.nn import DropoutKey
from tests.data.twin_graphs import SCHEMA, twins
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, SHAPES, odd_batch, odd_graph


def encode(data: Data, norm: str = "sqrt") -> Encoded:
    torch.manual_seed(0)
    encoder = Encoder(IN_CHANNELS, 16, NUM_RELATIONS, norm).to(data.x.dtype)
    encoded: Encoded = encoder(data)
    return encoded


def test_nodes_are_mapped_and_layer_normalised() -> None:
    data = odd_batch(torch.float64)
    x = encode(data).x
    assert x.shape == (data.num_nodes, 16)
    torch.testing.assert_close(x.mean(1), torch.zeros(data.num_nodes, dtype=torch.float64), rtol=0, atol=1e-6)
    torch.testing.assert_close(
        x.std(1, correction=0), torch.ones(data.num_nodes, dtype=torch.float64), rtol=0.01, atol=0
    )
    shifted = data.clone()
    shifted.x = data.x + 1
    assert not torch.allclose(encode(shifted).x, x)


def test_the_graph_is_that_of_the_batch() -> None:
    data = odd_batch()
    encoded = encode(data, norm="mean")
    assert torch.equal(encoded.graph.edge_index, data.edge_index)
    assert torch.equal(encoded.graph.edge_type, data.edge_type)
    assert torch.equal(encoded.graph.edge_weight, data.edge_weight)
    assert encoded.graph.multiplicity.tolist() == [1.0] * data.num_edges
    assert (encoded.graph.num_nodes, encoded.graph.num_relations) == (data.num_nodes, NUM_RELATIONS)
    assert encoded.graph.norm == "mean"
    assert torch.equal(encoded.batch, data.batch)
    assert torch.equal(encoded.tie_key, data.tie_key)
    assert encoded.num_graphs == len(SHAPES)


def test_what_a_foreign_graph_lacks() -> None:
    data = odd_graph("components")
    bare = Data(x=data.x, edge_index=data.edge_index, edge_type=data.edge_type)
    encoded = encode(bare)
    assert encoded.graph.edge_weight.tolist() == [1.0] * data.num_edges
    assert encoded.tie_key.tolist() == list(range(data.num_nodes))
    assert encoded.batch.tolist() == [0] * data.num_nodes
    assert encoded.num_graphs == 1


@pytest.mark.parametrize("weight", [1.5, -0.1, float("nan")])
def test_a_foreign_edge_weight_that_is_no_confidence(weight: float) -> None:
    data = odd_batch()
    data.edge_weight[0] = weight
    with pytest.raises(ValueError, match=r"confidences, from 0 to 1"):
        encode(data)


def test_confidences_take_the_type_of_the_features() -> None:
    data = odd_graph("cycle", torch.float64)
    data.edge_weight = data.edge_weight.float()
    encoded = encode(data)
    assert encoded.graph.edge_weight.dtype == encoded.graph.multiplicity.dtype == torch.float64


def test_mixed_precision_ends_here() -> None:
    data = odd_graph("star")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = encode(data).x
    assert mixed.dtype == torch.float32
    assert not torch.equal(mixed, encode(data).x)  # the product was rounded
    torch.testing.assert_close(mixed, encode(data).x, rtol=0, atol=0.05)


def test_halved_features_do_not_make_the_stream_coarse() -> None:
    data = odd_graph("star")
    data.x, data.edge_weight = data.x.bfloat16(), data.edge_weight.bfloat16()  # as Fabric gives them
    encoder = Encoder(IN_CHANNELS, 16, NUM_RELATIONS, "sqrt")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        encoded = encoder(data)
    assert encoded.x.dtype == encoded.graph.edge_weight.dtype == encoded.graph.multiplicity.dtype == torch.float32


@pytest.mark.parametrize("is_scaled", [False, True])
def test_nodes_that_are_alike_are_encoded_once(tmp_path: Path, is_scaled: bool) -> None:
    """Where a batch has more nodes than there are different ones; to the same numbers and gradients."""
    samples = [replace(sample, order=np.arange(sample.num_nodes) - 1) for sample in twins(60)]
    write_packed(tmp_path, replace(SCHEMA, order_channels=8), samples)
    graphs = PackedGraphs.open(tmp_path)
    batch = graphs.batch(range(60))
    assert len(batch.features) < batch.num_nodes
    ours = replace(batch, features=batch.features.double())
    theirs = next(iter(DataLoader(graphs.subset(range(60)), batch_size=60)))
    theirs.x = theirs.x.double()
    asked = replace(batch, features=batch.features.double())
    assert asked.x.dtype == torch.float64  # a batch whose matrix is there is encoded from it, changed or not
    results = []
    for data in (ours, theirs, asked):
        torch.manual_seed(0)
        order = OrderScale(graphs.schema, 0.5) if is_scaled else None
        sizes = graphs.schema.in_channels, 16, len(graphs.schema.relations)
        encoder = Encoder(*sizes, "sqrt", order, DropoutKey(1, 2)).double()
        x = encoder(data).x
        x.pow(3).sum().backward()
        results.append([x.detach(), *(parameter.grad for parameter in encoder.parameters())])
    for found in results[1:]:
        for mine, other in zip(results[0], found, strict=True):
            torch.testing.assert_close(mine, other)
    assert "x" not in vars(ours)
    asked.x = torch.zeros_like(asked.x)
    assert not torch.equal(encoder(asked).x, encoder(ours).x)
    assert torch.equal(asked.part(3, 9).x, asked.x[asked.ptr[3] : asked.ptr[9]])
