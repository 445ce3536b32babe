"""Widths for comparisons of equal size."""

from __future__ import annotations

import pytest
import torch

from nsm.config import Config
from nsm.data.triples import Schema
from nsm.errors import ConfigError
from nsm.models import build_model
from nsm.models.sizes import match_channels, parameter_count

SCHEMA = Schema("causal", ("a", "b"), ("none", "query"), ("p", "q", "r"), ("x", "y"), ("v",), order_channels=0)


@pytest.mark.parametrize(
    "other",
    [{"model": "flat"}, {"model": "flat", "flat_layers": 8}, {"model": "gine"}, {"model": "gps"}, {"model": "sagpool"}],
    ids=lambda values: " ".join(map(str, values.values())),
)
def test_as_many_parameters_as_another_model(other: dict[str, object]) -> None:
    wanted = parameter_count(Config(), SCHEMA)
    found = match_channels(Config.model_validate(other), SCHEMA, wanted)
    model = build_model(found, SCHEMA)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert abs(count - wanted) <= 0.05 * wanted
    assert found.channels % 2 == 0
    for channels in (found.channels - 2, found.channels + 2):
        near = parameter_count(found.model_copy(update={"channels": channels}), SCHEMA)
        assert abs(near - wanted) >= abs(count - wanted)


def test_what_no_width_can_do() -> None:
    with pytest.raises(ConfigError, match="no even number gives majority 1,000 parameters") as caught:
        match_channels(Config(model="majority"), SCHEMA, 1000)
    assert caught.value.hint is not None and "with 2" in caught.value.hint


def test_counting_draws_nothing() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    parameter_count(Config(channels=8), SCHEMA)
    assert torch.equal(torch.rand(1), expected)
