"""A network of one's own: built from its import path, and held to what every model returns."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nsm import pipeline
from nsm.config import Config, PlanningConfig
from nsm.data.triples import Schema
from nsm.errors import ConfigError
from nsm.models import Hierarchy, Output, build_model
from nsm.runs import Run
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, odd_batch, odd_graph
from tests.training.toy_graphs import toy_graphs, toy_trainer

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


class WrongWidth(Sums):
    """A map of other features than it is given."""

    def forward(self, batch: Any) -> Tensor:
        return self.head(self.map(batch.x[:, 1:]))


class NoSuchColumn(Sums):
    """Asks for what a batch has not."""

    def forward(self, batch: Any) -> Tensor:
        return super().forward(batch) + batch.distances.sum()


class Forgetful(nn.Module):
    """No ``forward``."""

    def __init__(self, config: Config, schema: Schema) -> None:
        super().__init__()
        self.head = nn.Linear(config.channels, len(schema.labels))


class Rounded(Sums):
    """Classes, not scores."""

    def forward(self, batch: object) -> Tensor:
        return super().forward(batch).round().long()


class Detached(Sums):
    """Scores that no gradient leaves."""

    def forward(self, batch: object) -> Tensor:
        return super().forward(batch).detach()


class Described(Sums):
    """Right scores; what else is in its output, the tests choose."""

    more: dict[str, Any]

    def forward(self, batch: Any) -> Output:  # type: ignore[override]
        made = {"logits": super().forward(batch), "reconstructed": None, "target": None, "batch": batch.batch}
        return Output(**{**made, **self.more})


class Raising(Sums):
    """Fails as the tests choose, with more than so many graphs."""

    error: BaseException
    most = 0

    def forward(self, batch: Any) -> Tensor:
        if batch.num_graphs > self.most:
            raise self.error
        return super().forward(batch)


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
        ("Forgetful", r"expected .*:Forgetful to have a method forward\(batch\), got none"),
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


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("WrongWidth", "RuntimeError: mat1 and mat2 shapes cannot be multiplied"),
        ("NoSuchColumn", "AttributeError: .* has no attribute 'distances'"),
    ],
)
def test_an_error_inside_is_told_with_the_line_of_the_users_code(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"model: calling {HERE}:{name} with a batch failed: {message}") as caught:
        built(name)(odd_batch(), reconstruct=True)
    lines, first = inspect.getsourcelines(globals()[name].forward)  # of which the last one fails
    assert (caught.value.file, caught.value.line) == (__file__, first + len(lines) - 1)
    assert isinstance(caught.value.__cause__, RuntimeError | AttributeError)


MEMORY = (torch.OutOfMemoryError("CUDA"), MemoryError(), RuntimeError("allocator: can't allocate memory: 8 bytes"))


@pytest.mark.parametrize("error", [*MEMORY, KeyboardInterrupt(), ConfigError("give more channels")], ids=repr)
def test_what_others_deal_with_is_passed_on(error: BaseException) -> None:
    model = built("Raising")
    model.error = error  # type: ignore[assignment]
    with pytest.raises(type(error)) as caught:
        model(odd_batch())
    assert caught.value is error


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Rounded", "return class scores in floating-point numbers, got torch.int64"),
        ("Detached", "return class scores with a gradient while it trains, got scores that depend on no parameter"),
    ],
)
def test_scores_that_teach_nothing(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        built(name)(odd_batch())
    assert "argmax" in str(caught.value.hint)


def test_no_gradient_is_needed_where_nothing_learns() -> None:
    model, batch = built("Detached"), odd_batch()
    assert not model.eval()(batch).logits.requires_grad
    with torch.no_grad():
        assert not model.train()(batch).logits.requires_grad


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"reconstructed": (4, 3)}, "a target beside what it reconstructed, got NoneType"),
        ({"reconstructed": (4, 3), "target": (4, 2)}, r"reconstructed of the shape \(4, 2\), .*, got \(4, 3\)"),
        ({"reconstructed": (4, 3), "target": (4, 3)}, r"the batch of its nodes, \(N,\), got \(4, 3\) and \(\d+,\)"),
        ({"reconstructed": (4, 3), "target": (4, 3), "batch": None}, r"got \(4, 3\) and None"),
        ({"level_logits": [(13, 1)]}, r"level_logits of the shape \(13, 2\)"),
        ({"imbalance": (13, 1)}, r"imbalance of the shape \(13,\), got \(13, 1\)"),
        ({"undecoded": (13, 1)}, r"undecoded of the shape \(13,\), got \(13, 1\)"),
        ({"logits": None}, "or an Output with them, got NoneType"),
    ],
)
def test_an_output_that_does_not_fit_together(more: dict[str, Any], message: str) -> None:
    def made(value: Any) -> Any:
        return [made(one) for one in value] if isinstance(value, list) else value and torch.zeros(value)

    model = built("Described")
    model.more = {key: made(value) for key, value in more.items()}  # type: ignore[assignment]
    with pytest.raises(ConfigError, match=message):
        model(odd_batch())


def test_a_copy_calls_its_own_weights() -> None:
    model, batch = built("Sums"), odd_batch()
    twin = copy.deepcopy(model)
    for parameter in twin.parameters():
        parameter.data.zero_()
    assert not twin(batch).logits.any() and model(batch).logits.any()


def test_the_training_tells_what_is_wrong_and_computes_smaller_parts_where_memory_runs_out(tmp_path: Path) -> None:
    graphs = toy_graphs(tmp_path)
    with pytest.raises(ConfigError, match="with a gradient while it trains"):
        toy_trainer(graphs, tmp_path / "wrong", model=f"{HERE}:Detached").fit()
    trainer = toy_trainer(graphs, tmp_path / "right", model=f"{HERE}:Raising", epochs=1)
    trainer.model.error, trainer.model.most = MEMORY[0], 8  # type: ignore[assignment]
    trainer.fit()
    assert trainer.micro.size == 8


@pytest.mark.parametrize(
    ("path", "message"), [(f"{HERE}:Missing", "has no 'Missing'"), ("no_such_module:X", "there is no module")]
)
def test_a_name_is_looked_up_before_there_are_data(path: str, message: str, tmp_path: Path) -> None:
    config = Config(model=path, root=tmp_path / "root", accelerator="cpu", planning=PlanningConfig(graphs=60))
    torch.save({"head.bias": torch.zeros(2)}, tmp_path / "weights.pt")
    for begin in (
        pipeline.train,
        pipeline.find_learning_rate,
        lambda config: pipeline.rebuild_trainer(Run(tmp_path / "run"), config),
        lambda config: pipeline.open_model(tmp_path / "weights.pt", config=config),
    ):
        with pytest.raises(ConfigError, match=message):
            begin(config)
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pt"]
