"""A network of one's own: built from its import path, and held to what every model returns."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nsm.config import Config
from nsm.data.triples import Schema
from nsm.errors import ConfigError
from nsm.models import Hierarchy, Output, build_model
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, odd_batch, odd_graph

HERE = "tests.models.test_imported"
SCHEMA = Schema("toy", ("a",), ("none",), tuple("pqr"), ("x", "y"), tuple("uvwst"), order_channels=0)


class Sums(nn.Module):
    """Class scores alone; takes no ``reconstruct``."""

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__()
        self.map = nn.Linear(schema.in_channels, config.channels)
        self.head = nn.Linear(config.channels, len(schema.labels))

    def forward(self, batch: object) -> Tensor:
        graph = getattr(batch, "batch", None)
        x = torch.relu(self.map(batch.x))  # type: ignore[attr-defined]
        graph = torch.zeros(len(x), dtype=torch.long) if graph is None else graph
        return self.head(x.new_zeros((int(graph.max()) + 1, x.shape[1])).index_add(0, graph, x))


class OneScore(Sums):
    """Too few class scores."""

    def forward(self, batch: object) -> Tensor:
        return super().forward(batch)[:, :1]


class Words(Sums):
    """No scores at all."""

    def forward(self, batch: object) -> str:  # type: ignore[override]
        del batch
        return "yes"


class HalfWay(Sums):
    """A reconstruction without a round trip."""

    def forward(self, batch: object, *, reconstruct: bool = True) -> Output:  # type: ignore[override]
        assert reconstruct is False
        x = batch.x  # type: ignore[attr-defined]
        return Output(super().forward(batch), x, x, batch.batch)  # type: ignore[attr-defined]


class Frozen(Sums):
    """Nothing to train."""

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__(config, schema)
        self.requires_grad_(False)


def make_hierarchy(config: Config, schema: Schema) -> nn.Module:
    """A function will do, and so will a model of NSM."""
    return build_model(config.model_copy(update={"model": "hierarchy"}), schema)


def make_nothing(config: Config, schema: Schema) -> dict[str, int]:
    """Not even a network."""
    return {"channels": config.channels, "labels": len(schema.labels)}


def built(name: str) -> nn.Module:
    return build_model(Config(model=f"{HERE}:{name}", channels=8), SCHEMA)


def test_class_scores_become_an_output() -> None:
    assert (SCHEMA.in_channels, len(SCHEMA.relations)) == (IN_CHANNELS, NUM_RELATIONS)
    model, batch = built("Sums"), odd_batch()
    output = model(batch, reconstruct=True)
    assert isinstance(output, Output)
    assert output.logits.shape == (batch.num_graphs, 2)
    assert output.reconstructed is None
    assert torch.equal(output.batch, batch.batch)
    assert model(odd_graph("path")).logits.shape == (1, 2)
    assert not any(name.startswith("model.") for name in model.state_dict())


def test_a_model_of_nsm_stays_what_it_is() -> None:
    model = built("make_hierarchy")
    assert isinstance(model, Hierarchy)
    assert model(odd_batch()).reconstructed is not None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("make_nothing", "to give a torch.nn.Module, got dict"),
        ("Frozen", "Frozen has no parameters to train"),
        ("Missing", "has no 'Missing'"),
    ],
)
def test_what_cannot_be_built(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        built(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("OneScore", r"return class scores of the shape \(13, 2\), or an Output with them, got \(13, 1\)"),
        ("Words", r"return class scores of the shape \(13, 2\), or an Output with them, got str"),
        ("HalfWay", r"needs a method round_trip\(batch\) as well"),
    ],
)
def test_wrong_output(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        built(name)(odd_batch(), reconstruct=False)
