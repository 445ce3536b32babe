"""From a configuration to a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import nn

from nsm.errors import ConfigError
from nsm.models.flat import FlatRelational
from nsm.models.hierarchy import Hierarchy
from nsm.models.imported import imported_model
from nsm.models.majority import Majority
from nsm.models.order_scale import OrderScale, tell_longest
from nsm.nn import share_bases

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.packed import PackedGraphs
    from nsm.data.triples import Schema

QUERY = "query"  # the role of the nodes that a graph asks about


def build_model(config: Config, schema: Schema) -> nn.Module:
    """Builds the model that ``config.model`` names for graphs of ``schema``.

    Weights are drawn from torch's global generator: seed it first.

    Raises:
        ConfigError: If it is the user's own and cannot be used, or is to be taught what all nodes have alike.
    """
    build = BUILDERS.get(config.model)
    if build is None:
        return imported_model(config, schema)
    model = build(config, schema)
    share_bases(model, config.num_bases)
    return model


def tell_training_graphs(model: nn.Module, train: PackedGraphs) -> None:
    """What a model has to know of the training graphs before its first step: the highest position, the trees."""
    from nsm.models.boosting import Boosting

    tell_longest(model, train.highest_order)
    if isinstance(model, Boosting):
        model.fit(train)


def _common(config: Config, schema: Schema) -> dict[str, Any]:
    """What all networks are told."""
    return {
        "in_channels": schema.in_channels,
        "num_relations": len(schema.relations),
        "num_classes": len(schema.labels),
        "channels": config.channels,
        "dropout": config.dropout,
        "query_role": schema.roles.index(QUERY) if QUERY in schema.roles else None,
        "pooling": config.pooling,
        "order": OrderScale(schema, config.order_scale) if schema.order_channels and config.order_scale < 1 else None,
        "seed": config.seed,
    }


def _hierarchy(config: Config, schema: Schema) -> nn.Module:
    kinds = len(schema.node_types), len(schema.roles)
    if config.decode_weight > 0 and max(kinds) == 1:
        hint = "leave it out, or give the nodes types"
        raise ConfigError("decode_weight: all nodes are of one type and one role, so nothing is to be read", hint=hint)
    return Hierarchy(
        **_common(config, schema),
        blocks=config.blocks_per_level,
        refine_blocks=config.refine_blocks,
        pool_ratio=config.pool_ratio,
        contraction=config.contraction,
        readout=config.readout,
        use_level_heads=config.auxiliary_weight > 0,
        use_balance=config.balance_weight > 0,
        decodes=kinds if config.decode_weight > 0 else (),
        norm=config.message_norm,
        recompute=config.recompute,
    )


def _flat(config: Config, schema: Schema) -> nn.Module:
    return FlatRelational(
        **_common(config, schema),
        num_layers=config.flat_layers,
        norm=config.message_norm,
        recompute=config.recompute == "checkpoint",
    )


def _gine(config: Config, schema: Schema) -> nn.Module:
    from nsm.models.gine import GINE  # with PyTorch Geometric, which the first ones do without

    recompute = config.recompute == "checkpoint"
    return GINE(**_common(config, schema), num_layers=config.flat_layers, recompute=recompute)


def _gps(config: Config, schema: Schema) -> nn.Module:
    from nsm.models.gps import GPS

    recompute = config.recompute == "checkpoint"
    return GPS(**_common(config, schema), num_layers=config.flat_layers, recompute=recompute)


def _sagpool(config: Config, schema: Schema) -> nn.Module:
    from nsm.models.sagpool import SAGPoolHierarchy

    return SAGPoolHierarchy(
        **_common(config, schema),
        layers=tuple(2 * blocks for blocks in config.blocks_per_level),  # a block has two
        pool_ratio=config.pool_ratio,
        recompute=config.recompute == "checkpoint",
    )


def _boosting(config: Config, schema: Schema) -> nn.Module:
    from nsm.models.boosting import Boosting

    return Boosting(schema, config.seed)


def _majority(_: Config, schema: Schema) -> nn.Module:
    return Majority(len(schema.labels))


BUILDERS: dict[str, Callable[[Config, Schema], nn.Module]] = {
    "hierarchy": _hierarchy,
    "flat": _flat,
    "gine": _gine,
    "gps": _gps,
    "sagpool": _sagpool,
    "boosting": _boosting,
    "majority": _majority,
}
"""How each model is built; other names are import paths."""
