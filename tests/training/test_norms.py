"""Norms of layers, by hand and against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nsm.training.norms import gradient_norms, weight_norms


def test_norms_of_layers() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[3.0, 0.0]]))
        model[0].bias.fill_(4.0)
        model[1].weight.fill_(-2.0)
        model[1].bias.zero_()
    assert weight_norms(model) == {"0": 5.0, "1": 2.0}
    assert gradient_norms(model) == (0.0, {})
    model[0].bias.grad = torch.tensor([0.5])
    assert gradient_norms(model) == (0.5, {"0": 0.5})
    assert weight_norms(nn.ReLU()) == {}


def test_the_whole_is_what_clipping_measures() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4))
    model(torch.randn(5, 8)).square().sum().backward()
    whole, layers = gradient_norms(model)
    assert whole == nn.utils.get_total_norm([weight.grad for weight in model.parameters() if weight.grad is not None])
    assert whole == pytest.approx(sum(norm**2 for norm in layers.values()) ** 0.5)
