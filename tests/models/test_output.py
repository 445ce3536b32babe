"""The seed's idiom: ``out, reconstructed = model(batch)``."""

from __future__ import annotations

import torch

from nsm.models import Output


def test_unpacks_in_two() -> None:
    logits, reconstructed = Output(torch.ones(1, 2), torch.zeros(3, 4), torch.ones(3, 4), torch.zeros(3))
    assert logits is not None and logits.shape == (1, 2)
    assert reconstructed is not None and reconstructed.shape == (3, 4)
