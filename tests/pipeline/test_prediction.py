"""Running a model over graphs: their order, whatever the batches; nothing reconstructed, nothing told."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nsm import pipeline
from nsm.config import Config
from nsm.data.packed import PackedGraphs
from nsm.models import build_model
from nsm.models.control import structure_alone
from nsm.pipeline import prediction
from nsm.pipeline.prediction import node_states, predict
from nsm.training.device import open_fabric

Told = list[tuple[int, int, str]]


@pytest.fixture
def val(config: Config) -> PackedGraphs:
    """In an order of their own."""
    graphs = pipeline.load_graphs(config, quiet=True).subset("val")
    return graphs.subset(np.random.default_rng(0).permutation(len(graphs)))


def model_for(config: Config, graphs: PackedGraphs, **changes: object) -> nn.Module:
    torch.manual_seed(0)
    return build_model(config.model_copy(update=changes), graphs.schema).eval()


def ignore(done: int, total: int, what: str) -> None:
    assert done <= total
    assert what


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_batches_and_order_do_not_matter(config: Config, val: PackedGraphs, batch_size: int) -> None:
    model, told = model_for(config, val), Told()
    found = predict(
        model,
        val,
        open_fabric(config),
        batch_size=batch_size,
        advance=lambda *step: told.append(step),
        what="judging",
    )
    with torch.no_grad():
        alone = torch.cat([model(val.batch([position])).logits for position in range(len(val))])
    np.testing.assert_allclose(found.logits, alone, rtol=1e-4, atol=1e-5)
    assert found.labels.tolist() == val.labels.tolist()
    assert found.groups.tolist() == val.groups.tolist()
    assert found.reconstruction_exact is not None
    assert found.reconstruction_abstract is not None
    assert len(found.reconstruction_exact) == len(found.reconstruction_abstract) == len(val)
    assert found.reconstruction_exact.max() < 1e-5
    assert found.reconstruction_abstract.min() > 0.01
    assert found.reconstruction_structure is not None and found.top_share is not None
    with torch.no_grad():
        each = [structure_alone(model, val.batch([position])) for position in range(len(val))]  # type: ignore[arg-type]
        targets = [model(val.batch([position])).target for position in range(len(val))]
    np.testing.assert_allclose(found.top_share, [float(share) for _, share in each], rtol=1e-6)
    spread = [(x - x.mean(0)).norm() for x in targets]
    errors = [float((states - x).norm() / s) for (states, _), x, s in zip(each, targets, spread, strict=True)]
    np.testing.assert_allclose(found.reconstruction_structure, errors, rtol=1e-3)
    assert [done for done, _, _ in told] == list(range(1, len(told) + 1))
    assert {(total, what) for _, total, what in told} == {(len(told), "judging")}


def test_no_gradients_are_kept(config: Config, val: PackedGraphs) -> None:
    model = model_for(config, val)
    seen: list[bool] = []
    model.register_forward_hook(lambda _, __, output: seen.append(output.logits.requires_grad))
    predict(model, val, open_fabric(config), batch_size=8, advance=ignore, what="judging")
    assert seen
    assert not any(seen)
    assert torch.is_grad_enabled()


def test_the_flat_model_reconstructs_nothing(config: Config, val: PackedGraphs) -> None:
    model, fabric = model_for(config, val, model="flat"), open_fabric(config)
    found = predict(model, val, fabric, batch_size=8, advance=ignore, what="judging")
    assert found.logits.shape == (len(val), 2)
    assert (found.reconstruction_exact, found.reconstruction_abstract) == (None, None)
    assert (found.reconstruction_structure, found.top_share) == (None, None)
    for by_structure in (False, True):
        assert node_states(model, val, fabric, batch_size=8, advance=ignore, by_structure=by_structure) is None


def test_states_by_structure_are_those_of_equal_nodes_at_the_top(config: Config, val: PackedGraphs) -> None:
    model, fabric = model_for(config, val), open_fabric(config)
    real, alone = (
        node_states(model, val, fabric, batch_size=8, advance=ignore, by_structure=by) for by in (False, True)
    )
    assert real is not None and alone is not None
    assert not np.allclose(real.states, alone.states, atol=1e-3)
    assert np.array_equal(real.node_type, alone.node_type)
    first = structure_alone(model, val.batch([0]))[0]  # type: ignore[arg-type]
    np.testing.assert_allclose(alone.states[: len(first)], first, atol=1e-4)


def test_mixed_precision_gives_figures_in_full(config: Config, val: PackedGraphs) -> None:
    model = model_for(config, val)
    full, mixed = (
        predict(model, val, open_fabric(one), batch_size=8, advance=ignore, what="judging")
        for one in (config, config.model_copy(update={"precision": "bf16-mixed"}))
    )
    assert full.logits.dtype == mixed.logits.dtype == np.float32
    assert not np.array_equal(full.logits, mixed.logits)
    np.testing.assert_allclose(full.logits, mixed.logits, atol=0.1)
    assert full.reconstruction_exact is not None and mixed.reconstruction_exact is not None
    assert not np.array_equal(full.reconstruction_exact, mixed.reconstruction_exact)  # of the arithmetic that is used


def test_nodes_with_what_they_should_tell(config: Config, val: PackedGraphs) -> None:
    model = model_for(config, val)
    found = node_states(model, val, open_fabric(config), batch_size=5, advance=ignore)
    assert found is not None
    whole = val.batch(range(len(val)))
    for name in ("node_type", "role", "order"):
        assert getattr(found, name).tolist() == getattr(whole, name).tolist(), name
    with torch.no_grad():
        states = model(whole).reconstructed
    np.testing.assert_allclose(found.states, states, rtol=1e-3, atol=1e-4)


def test_nodes_of_some_graphs_from_all_over_the_set(
    config: Config, val: PackedGraphs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction, "PROBED_GRAPHS", 3)
    found = node_states(model_for(config, val), val, open_fabric(config), batch_size=5, advance=ignore)
    assert found is not None
    some = val.batch([0, (len(val) - 1) // 2, len(val) - 1])
    assert found.order.tolist() == some.order.tolist()
    assert found.node_type.tolist() == some.node_type.tolist()
