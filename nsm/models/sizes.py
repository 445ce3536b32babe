"""How many parameters a model has, and which width gives it as many as another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from nsm.errors import ConfigError
from nsm.models.build import build_model

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.triples import Schema

__all__ = ["TOLERANCE", "match_channels", "parameter_count"]

MAX_CHANNELS = 4096
TOLERANCE = 0.05


def parameter_count(config: Config, schema: Schema) -> int:
    """Number of trained values of the configured model; torch's generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        return sum(parameter.numel() for parameter in build_model(config, schema).parameters())


def match_channels(config: Config, schema: Schema, parameters: int, *, tolerance: float = TOLERANCE) -> Config:
    """The configuration with the even number of channels that comes nearest to a number of parameters.

    Args:
        config: The model whose width is sought.
        schema: Of the graphs.
        parameters: How many it is to have, for a comparison of equal size.
        tolerance: How far it may be off, as a share of that.

    Raises:
        ConfigError: If no width comes near enough.
    """

    def sized(channels: int) -> Config:
        return config.model_copy(update={"channels": channels})

    def count(channels: int) -> int:
        return parameter_count(sized(channels), schema)

    low, high = 2, 4
    while count(high) < parameters and high < MAX_CHANNELS:
        low, high = high, 2 * high
    while high - low > 2:
        middle = (low + high) // 4 * 2
        low, high = (middle, high) if count(middle) < parameters else (low, middle)
    best = min((low, high), key=lambda channels: abs(count(channels) - parameters))
    found = count(best)
    if abs(found - parameters) > tolerance * parameters:
        message = f"channels: no even number gives {config.model} {parameters:,} parameters, within {tolerance:.0%}"
        raise ConfigError(message, hint=f"the nearest is {best}, with {found:,}; change its layers or blocks")
    return sized(best)
