"""The encoder: layer-normalised nodes, and what a foreign graph may lack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from nsm.models.encoder import Encoded, Encoder
from tests.data.twin_graphs import packed, twins
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


def test_nodes_that_are_alike_are_encoded_once(tmp_path: Path) -> None:
    """Where a batch has more nodes than there are different ones; to the same numbers and gradients."""
    graphs = packed(tmp_path, twins(60))
    batch = graphs.batch(range(60))
    assert len(batch.features) < batch.num_nodes
    results = []
    for data in (batch, next(iter(DataLoader(graphs.subset(range(60)), batch_size=60)))):
        torch.manual_seed(0)
        encoder = Encoder(graphs.schema.in_channels, 16, len(graphs.schema.relations), "sqrt").double()
        data = data if data is not batch else replace(batch, features=batch.features.double())
        data.x = data.x.double()
        x = encoder(data).x
        x.pow(3).sum().backward()
        results.append([x.detach(), *(parameter.grad for parameter in encoder.parameters())])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert "x" not in vars(batch)
