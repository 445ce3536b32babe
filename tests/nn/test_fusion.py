"""What a node makes of what its leader has found."""

from __future__ import annotations

import torch

from nsm.nn import GatedFusion


def test_it_mixes_channel_by_channel() -> None:
    torch.manual_seed(0)
    fusion, up, down = GatedFusion(3), torch.randn(4, 3), torch.randn(4, 3)
    mapped = down @ fusion.map.weight.t() + fusion.map.bias
    with torch.no_grad():
        fusion.gate.copy_(torch.tensor([-100.0, 0.0, 100.0]))
    found = fusion(up, down)
    torch.testing.assert_close(found[:, 0], mapped[:, 0])
    torch.testing.assert_close(found[:, 1], (up + mapped)[:, 1] / 2)
    torch.testing.assert_close(found[:, 2], up[:, 2])
    found.sum().backward()
    assert fusion.gate.grad is not None and fusion.gate.grad[1] != 0
