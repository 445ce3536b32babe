"""The SAGPool hierarchy has the hierarchy's interface; its convolution is PyTorch Geometric's, with confidences."""

from __future__ import annotations

import torch
from torch_geometric.nn import RGCNConv

from nsm.models.sagpool import SAGPoolHierarchy, WeightedRGCNConv
from nsm.nn import both_ways
from tests.models.baseline_contract import check_contract, check_recomputation, marked
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, SHAPES

DISTINCT = tuple(name for name in SHAPES if name != "duplicate nodes")  # PyG decides equal scores by their order


def model(**options: object) -> SAGPoolHierarchy:
    torch.manual_seed(0)
    sizes = (IN_CHANNELS, NUM_RELATIONS, 2)
    return SAGPoolHierarchy(*sizes, channels=16, layers=(2, 1, 1), **options).double()  # type: ignore[arg-type]


def test_the_contract_of_every_model() -> None:
    check_contract(model(pool_ratio=0.9), shapes=DISTINCT)  # edges are left on every level


def test_the_nodes_that_are_asked_about_are_read_out() -> None:
    check_contract(model(query_role=1, pool_ratio=0.9), shapes=DISTINCT)


def test_recomputation_changes_nothing() -> None:
    check_recomputation(lambda recompute: model(recompute=recompute, dropout=0.3))


def test_with_full_confidence_the_convolution_is_the_one_of_pytorch_geometric() -> None:
    torch.manual_seed(0)
    ours = WeightedRGCNConv(IN_CHANNELS, 5, 2 * NUM_RELATIONS).double()
    theirs = RGCNConv(IN_CHANNELS, 5, 2 * NUM_RELATIONS).double()
    theirs.load_state_dict(ours.state_dict())
    data = marked("complete")
    edges = both_ways(data.edge_index, data.edge_type, NUM_RELATIONS)
    full = torch.ones(edges[1].numel(), dtype=torch.float64)
    torch.testing.assert_close(ours(data.x, *edges, full), theirs.eval()(data.x, *edges))
    half = ours(data.x, *edges, full / 2)
    alone = data.x @ ours.root + ours.bias
    torch.testing.assert_close(half - alone, (ours(data.x, *edges, full) - alone) / 2)


def test_fewer_nodes_on_each_level() -> None:
    pooled: list[int] = []
    sag = model(pool_ratio=0.25)
    for pool in sag.pools:
        pool.register_forward_hook(lambda *found: pooled.append(len(found[2][0])))
    sag(marked("path"))  # of 12 nodes
    assert pooled == [3, 1]
