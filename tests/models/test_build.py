"""Every key of the configuration that describes a model reaches it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from nsm.config import Config, PlanningConfig
from nsm.config.own import MODELS
from nsm.data.loader import BatchLoader
from nsm.data.packed import PackedGraphs
from nsm.data.planning.source import PlanningSource, Shard
from nsm.data.triples import Schema
from nsm.data.writing import write_packed
from nsm.errors import ConfigError
from nsm.models import FlatRelational, Hierarchy, build_model, compute_loss
from nsm.models.build import BUILDERS
from nsm.nn import BasisConv, RelationalConv
from nsm.nn.reversible import KeyedDropout
from tests.training.toy_graphs import MarkedChains, toy_graphs

SCHEMA = MarkedChains().schema
HIERARCHY = {"channels": 8, "num_levels": 3, "blocks": (1, 2, 3)}
FLAT = {"channels": 8, "model": "flat", "flat_layers": 2}
ONE_LEVEL = {**HIERARCHY, "num_levels": 1, "blocks": (3,)}
GINE = {**FLAT, "model": "gine"}
GPS = {**FLAT, "model": "gps"}
SAGPOOL = {**HIERARCHY, "model": "sagpool"}
NETWORKS = pytest.mark.parametrize(
    "values", [HIERARCHY, FLAT, GINE, GPS, SAGPOOL], ids=lambda v: v.get("model", "hierarchy")
)


def built(weights: int = 0, /, **values: object) -> nn.Module:
    torch.manual_seed(weights)
    return build_model(Config.from_constants(**values), SCHEMA)


def test_the_sizes_are_those_of_the_schema() -> None:
    schema = Schema("planning", ("a", "b", "c"), ("none",), ("p", "q"), ("x", "y", "z"), order_channels=4)
    for values in (HIERARCHY, FLAT, SAGPOOL):
        model = build_model(Config.from_constants(**values), schema)
        shapes = [tuple(parameter.shape) for parameter in model.parameters()]
        assert (8, schema.in_channels) in shapes
        assert shapes[-1] == (3,)  # one logit per label
        assert any(shape[0] == 4 and len(shape) == 3 for shape in shapes)  # two relations and their reverses


@pytest.mark.parametrize("values", [HIERARCHY, FLAT])
def test_relations_share_bases_where_they_are_more(values: dict[str, object]) -> None:
    own, mixed, enough = built(**values), built(**values, num_bases=1), built(**values, num_bases=1000)
    for name, weight in own.state_dict().items():  # the bases are drawn after all others
        assert "conv." in name or torch.equal(weight, mixed.state_dict()[name])
    convs = [module for module in mixed.modules() if isinstance(module, RelationalConv)]
    assert convs and all(isinstance(conv, BasisConv) and len(conv.bases) == 1 for conv in convs)
    assert not any(isinstance(module, BasisConv) for module in enough.modules())
    sizes = [sum(weight.numel() for weight in model.parameters()) for model in (own, mixed)]
    saved = sum(conv.weight.numel() - conv.bases.numel() - conv.share.numel() for conv in convs)  # type: ignore[arg-type, operator, union-attr]
    assert sizes[0] - sizes[1] == saved > 0


def test_every_model_of_the_configuration_can_be_built() -> None:
    assert tuple(BUILDERS) == MODELS


def test_pytorch_geometric_is_imported_for_its_own_models_only() -> None:
    code = """if True:
        import sys
        from nsm.config import Config
        from nsm.data.triples import Schema
        from nsm.models import build_model
        schema = Schema("toy", ("a",), ("none",), ("p",), ("x", "y"))
        for name in ("hierarchy", "flat", "majority", "gine"):
            build_model(Config(model=name, channels=4), schema)
            print(name, "torch_geometric" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["hierarchy False", "flat False", "majority False", "gine True"]


def test_the_layers_of_gine_gps_and_the_sagpool_hierarchy() -> None:
    assert len(built(**GINE).layers) == len(built(**GPS).layers) == 2
    sag = built(**SAGPOOL, pool_ratio=0.25)
    assert [len(level) for level in sag.levels] == [2, 4, 6]  # a block has two convolutions
    assert {pool.ratio for pool in sag.pools} == {0.25}


def test_the_hierarchy() -> None:
    model = built(**HIERARCHY, pool_ratio=0.25, message_norm="mean", seed=5)
    assert isinstance(model, Hierarchy)
    assert model.is_typed and len(model.fusions) == model.num_levels - 1
    other = built(**HIERARCHY, contraction="untyped", readout="top")
    assert not other.is_typed and not other.fusions
    assert model.num_levels == 3 and not model.level_heads and not model.use_balance
    assert len(built(**HIERARCHY, auxiliary_weight=0.1).level_heads) == 3
    assert built(**HIERARCHY, balance_weight=0.1).use_balance
    assert model.decoder is None
    decoder = built(**HIERARCHY, decode_weight=0.1).decoder
    assert (decoder.of_type.out_features, decoder.of_role.out_features) == (len(SCHEMA.node_types), len(SCHEMA.roles))
    assert [len(level.blocks) for level in model.levels] == [1, 2, 3]
    assert model.pool_ratio == 0.25
    assert model.encoder.message_norm == "mean"
    assert model.key.seed == 5
    assert [len(level.blocks) for level in built(channels=8, num_levels=4, blocks=2).levels] == [2, 1, 1, 1]
    assert [len(level.blocks) for level in built(**ONE_LEVEL).levels] == [3]


@pytest.mark.parametrize(
    ("values", "how"),
    [(HIERARCHY, "reverse"), *((values, "checkpoint") for values in (HIERARCHY, ONE_LEVEL, FLAT, GINE, GPS, SAGPOOL))],
)
def test_recomputation_changes_no_loss_and_no_gradient(tmp_path: Path, values: dict[str, object], how: str) -> None:
    batch = toy_graphs(tmp_path).batch(range(8))
    found: list[tuple[float, list[torch.Tensor]]] = []
    for recompute in ("none", how):
        model = built(**values, dropout=0.3, recompute=recompute)
        loss = compute_loss(model(batch), batch, 0.5).total
        loss.backward()
        grads = [torch.zeros_like(w) if w.grad is None else w.grad for w in model.parameters()]
        found.append((loss.item(), grads))
    (loss_of_none, expected), (loss, grads) = found
    assert loss == loss_of_none
    tolerance = 0.0 if how == "checkpoint" else 1e-4
    torch.testing.assert_close(grads, expected, rtol=tolerance, atol=tolerance)


def test_the_flat_model() -> None:
    model = built(**FLAT, message_norm="sum", seed=5)
    assert isinstance(model, FlatRelational)
    assert len(model.layers) == 2
    assert model.encoder.message_norm == "sum"
    assert model.key.seed == 5


@NETWORKS
def test_the_readout_takes_the_nodes_that_are_asked_about(values: dict[str, object]) -> None:
    """Of two graphs that differ in the role of two nodes alone, where nothing is passed on between nodes."""
    asking = Schema("causal", ("a",), ("none", "query"), ("p",), ("x", "y"), ("v",), order_channels=0)
    plain = replace(asking, roles=("none", "other"))
    config = Config.from_constants(**values)
    widths = []
    for schema in (asking, plain):
        model = build_model(config, schema)
        assert model.query_role == (1 if schema is asking else None)
        widths.append(model.readout.head[1].in_features)  # type: ignore[union-attr, index]
    assert widths[0] == widths[1] + 8
    model = build_model(config, asking).eval()
    role = torch.tensor([0, 1])
    x = torch.tensor([[1.0, 1.0, 0.0, 0.3], [1.0, 0.0, 1.0, 0.9]])
    nothing = torch.zeros((2, 0), dtype=torch.long)
    graph = Data(x=x, role=role, edge_index=nothing, edge_type=torch.zeros(0, dtype=torch.long))
    logits = model(graph).logits
    graph.role = torch.tensor([1, 0])
    assert not torch.equal(model(graph).logits, logits)


@NETWORKS
def test_the_readout_of_every_network_can_attend(tmp_path: Path, values: dict[str, object]) -> None:
    batch = toy_graphs(tmp_path).batch(range(8))
    mean, attention = built(**values), built(**values, pooling="attention")
    assert mean.readout.query is None and attention.readout.query is not None  # type: ignore[union-attr]
    compute_loss(attention(batch), batch).total.backward()
    for name, parameter in attention.readout.named_parameters():  # type: ignore[union-attr, operator]
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@NETWORKS
def test_dropout(values: dict[str, object]) -> None:
    for rate in (0.0, 0.3):
        found = [part.p for part in built(**values, dropout=rate).modules() if isinstance(part, KeyedDropout)]
        assert found
        assert set(found) == {rate}


@NETWORKS
def test_weights_come_from_the_global_generator(values: dict[str, object]) -> None:
    first, same, other = (
        torch.cat([parameter.flatten() for parameter in built(seed, **values).parameters()]) for seed in (0, 0, 1)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_what_all_nodes_have_alike_cannot_be_read_from_the_reconstruction() -> None:
    alike = Schema("toy", ("a",), ("none",), ("p",), ("x", "y"))
    with pytest.raises(ConfigError, match="decode_weight: all nodes are of one type and one role"):
        build_model(Config(decode_weight=0.2), alike)
    for one in (replace(alike, node_types=("a", "b")), replace(alike, roles=("none", "query"))):
        assert build_model(Config(decode_weight=0.2), one).decoder is not None
    assert build_model(Config(), alike).decoder is None


@pytest.mark.parametrize("name", MODELS)
def test_both_loaders_give_the_same_logits(name: str, tmp_path: Path) -> None:
    source = PlanningSource(PlanningConfig(graphs=100), seed=2)
    samples = [s for family in ("gripper", "grid") for s in source.make(Shard(family, 0, 5))]
    write_packed(tmp_path / "set", source.schema, [replace(s, info={**s.info, "split": "test"}) for s in samples])
    graphs = PackedGraphs.open(tmp_path / "set")
    torch.manual_seed(0)
    model = build_model(Config(model=name, channels=16), graphs.schema).eval()
    with torch.no_grad():
        ours = torch.cat([model(b).logits for b in BatchLoader(graphs, 6, shuffle=False).epoch(0)])
        theirs = torch.cat([model(b).logits for b in DataLoader(graphs, batch_size=6)])
        assert len(ours) == len(samples)
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)  # a short last batch joins ours
        same = [model(graphs.batch(range(6))).logits, model(next(iter(DataLoader(graphs, batch_size=6)))).logits]
    assert torch.equal(*same)
