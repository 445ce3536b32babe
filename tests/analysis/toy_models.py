"""Small models and graphs for the pictures of a model; nothing is trained."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from nsm.config import Config
from nsm.data.packed import PackedGraphs
from nsm.models import build_model
from tests.data.twin_graphs import SCHEMA, packed, twins


def toy_model(num_levels: int = 3, model: str = "hierarchy", **more: float) -> nn.Module:
    torch.manual_seed(0)
    config = Config.model_validate({"channels": 8, "blocks": 1, "num_levels": num_levels, "model": model, **more})
    return build_model(config, SCHEMA).eval()


def named_graphs(folder: Path, count: int = 12) -> PackedGraphs:
    samples = twins(count)
    for sample in samples:
        sample.names = [f"node {number}" for number in range(sample.num_nodes)]
    return packed(folder, samples)
