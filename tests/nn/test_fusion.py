"""Gated fusion: a mixture, feature by feature."""

from __future__ import annotations

import torch

from nsm.nn import GatedFusion


def test_mixes_both_by_a_gate_for_each_feature() -> None:
    torch.manual_seed(0)
    fusion, up, down = GatedFusion(4), torch.randn(5, 4), torch.randn(5, 4)
    with torch.no_grad():
        fusion.gate.copy_(torch.tensor([30.0, -30.0, 0.0, 1.0]))
    mixed, mapped = fusion(up, down), down @ fusion.map.weight.T + fusion.map.bias
    torch.testing.assert_close(mixed[:, 0], up[:, 0])
    torch.testing.assert_close(mixed[:, 1], mapped[:, 1])
    torch.testing.assert_close(mixed[:, 2], (up + mapped)[:, 2] / 2)
    share = torch.sigmoid(torch.tensor(1.0))
    torch.testing.assert_close(mixed[:, 3], share * up[:, 3] + (1 - share) * mapped[:, 3])


def test_keeps_most_of_the_own_features_at_first() -> None:
    up = torch.ones(1, 3)
    fusion = GatedFusion(3)
    torch.nn.init.zeros_(fusion.map.weight)
    torch.nn.init.zeros_(fusion.map.bias)
    assert (fusion(up, up) > 0.7).all()
