"""Every key of the configuration that describes a model reaches it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nsm.config import Config
from nsm.data.triples import Schema
from nsm.models import FlatRelational, Hierarchy, build_model
from nsm.nn.reversible import KeyedDropout
from tests.training.toy_graphs import MarkedChains

SCHEMA = MarkedChains().schema
HIERARCHY = {"channels": 8, "num_levels": 3, "blocks": (1, 2, 3)}
FLAT = {"channels": 8, "model": "flat", "flat_layers": 2}


def built(weights: int = 0, /, **values: object) -> nn.Module:
    torch.manual_seed(weights)
    return build_model(Config.from_constants(**values), SCHEMA)


def test_the_sizes_are_those_of_the_schema() -> None:
    schema = Schema("planning", ("a", "b", "c"), ("none",), ("p", "q"), ("x", "y", "z"), order_channels=4)
    for values in (HIERARCHY, FLAT):
        model = build_model(Config.from_constants(**values), schema)
        shapes = [tuple(parameter.shape) for parameter in model.parameters()]
        assert (8, schema.in_channels) in shapes
        assert shapes[-1] == (3,)  # one logit per label
        assert any(shape[0] == 4 and len(shape) == 3 for shape in shapes)  # two relations and their reverses


def test_the_hierarchy() -> None:
    model = built(**HIERARCHY, pool_ratio=0.25, message_norm="mean", seed=5)
    assert isinstance(model, Hierarchy)
    assert model.num_levels == 3
    assert [len(level.blocks) for level in model.levels] == [1, 2, 3]
    assert model.pool_ratio == 0.25
    assert model.encoder.message_norm == "mean"
    assert model.key.seed == 5
    assert [len(level.blocks) for level in built(channels=8, num_levels=4, blocks=2).levels] == [2] * 4


def test_the_flat_model() -> None:
    model = built(**FLAT, message_norm="sum", seed=5)
    assert isinstance(model, FlatRelational)
    assert len(model.layers) == 2
    assert model.encoder.message_norm == "sum"
    assert model.key.seed == 5


@pytest.mark.parametrize("values", [HIERARCHY, FLAT], ids=["hierarchy", "flat"])
def test_dropout(values: dict[str, object]) -> None:
    for rate in (0.0, 0.3):
        found = [part.p for part in built(**values, dropout=rate).modules() if isinstance(part, KeyedDropout)]
        assert found
        assert set(found) == {rate}


@pytest.mark.parametrize("values", [HIERARCHY, FLAT], ids=["hierarchy", "flat"])
def test_weights_come_from_the_global_generator(values: dict[str, object]) -> None:
    first, same, other = (
        torch.cat([parameter.flatten() for parameter in built(seed, **values).parameters()]) for seed in (0, 0, 1)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
