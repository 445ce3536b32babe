"""The flow is that of a backward pass, leaves the model alone, and marks what is odd."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nsm.analysis.gradients import gradient_figure, gradient_flow
from nsm.analysis.plots import png_bytes
from nsm.config import Config
from nsm.data.batch import GraphBatch
from nsm.models import compute_loss
from tests.analysis.toy_models import named_graphs, toy_model


@pytest.fixture
def batch(tmp_path: Path) -> GraphBatch:
    return named_graphs(tmp_path / "graphs").batch(range(12))


def test_it_is_the_gradient_of_training(batch: GraphBatch) -> None:
    model = toy_model()
    flow = gradient_flow(model, batch, cycle_weight=0.3)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.training
    loss = compute_loss(model(batch), batch, 0.3).total
    loss.backward()
    assert flow.loss == pytest.approx(loss.item())
    layers = {layer.layer: layer for layer in flow.layers}
    gradient = torch.cat([model.encoder.linear.weight.grad.flatten(), model.encoder.linear.bias.grad])  # type: ignore[union-attr,operator]
    assert layers["encoder.linear"].mean == pytest.approx(float(gradient.abs().mean()), rel=1e-5)
    assert layers["encoder.linear"].largest == pytest.approx(float(gradient.abs().max()), rel=1e-5)
    assert sum(layer.parameters for layer in flow.layers) == sum(p.numel() for p in model.parameters())
    assert {layer.state for layer in flow.layers} == {"ok"}


def test_level_heads_learn_from_their_own_term(batch: GraphBatch) -> None:
    model, weights = toy_model(auxiliary_weight=0.3), Config(auxiliary_weight=0.3).term_weights

    def states(**weights: float) -> set[str]:
        layers = gradient_flow(model, batch, **weights).layers
        return {layer.state for layer in layers if layer.layer.startswith("level_heads")}

    assert states(**weights) == {"ok"}
    assert "ok" not in states()


def test_what_is_odd_is_marked_and_named(batch: GraphBatch) -> None:
    model = toy_model(2)
    with torch.no_grad():
        last = model.readout.head[-1]  # type: ignore[union-attr,index]
        last.weight.mul_(1e-9)  # nothing reaches what lies before, but for the reconstruction
    flow = gradient_flow(model, batch, cycle_weight=0)
    states = {layer.layer: layer.state for layer in flow.layers}
    assert states["readout.head.3"] == "exploding"
    with torch.no_grad():
        last.weight.zero_()
    flow = gradient_flow(model, batch, cycle_weight=0)
    states = {layer.layer: layer.state for layer in flow.layers}
    assert states["encoder.linear"] == "none"
    figure = gradient_figure(flow)
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert any(name.startswith("no gradient (") for name in named)
    assert "encoder.linear" in [text.get_text() for text in figure.axes[0].texts]


def test_a_gradient_that_is_no_number_is_drawn(batch: GraphBatch) -> None:
    model = toy_model(2)
    with torch.no_grad():
        model.encoder.linear.weight[0, 0] = torch.inf  # type: ignore[union-attr,index,operator]
    flow = gradient_flow(model, batch)
    assert "exploding" in flow.table().column("state")
    assert png_bytes(gradient_figure(flow))[1:4] == b"PNG"


def test_the_flat_network_has_bands_too(batch: GraphBatch) -> None:
    figure = gradient_figure(gradient_flow(toy_model(model="flat"), batch))
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert names == ["encoder", "layer\n0", "layer\n1", "layer\n2", "layer\n3", "readout"]
