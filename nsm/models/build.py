"""From a configuration to a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from nsm.models.flat import FlatRelational
from nsm.models.hierarchy import Hierarchy

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.triples import Schema

QUERY = "query"  # the role of the nodes that a graph asks about


def build_model(config: Config, schema: Schema) -> nn.Module:
    """Builds the model that ``config.model`` names for graphs of ``schema``.

    Weights are drawn from torch's global generator: seed it first.
    """
    query_role = schema.roles.index(QUERY) if QUERY in schema.roles else None
    sizes = (schema.in_channels, len(schema.relations), len(schema.labels))
    if config.model == "flat":
        return FlatRelational(
            *sizes,
            channels=config.channels,
            num_layers=config.flat_layers,
            dropout=config.dropout,
            norm=config.message_norm,
            query_role=query_role,
            seed=config.seed,
            recompute=config.recompute == "checkpoint",
        )
    return Hierarchy(
        *sizes,
        channels=config.channels,
        blocks=config.blocks_per_level,
        pool_ratio=config.pool_ratio,
        dropout=config.dropout,
        norm=config.message_norm,
        query_role=query_role,
        seed=config.seed,
        recompute=config.recompute,
    )
