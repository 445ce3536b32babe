"""PyTorch Geometric's loader and ours give the same logits, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch_geometric.loader import DataLoader

from nsm.config import Config, PlanningConfig
from nsm.data.loader import BatchLoader
from nsm.data.packed import PackedGraphs
from nsm.data.planning.source import PlanningSource, Shard
from nsm.data.writing import write_packed
from nsm.models import build_model


@pytest.mark.parametrize("name", ["hierarchy", "flat"])
def test_the_same_logits_from_both_loaders(name: str, tmp_path: Path) -> None:
    source = PlanningSource(PlanningConfig(graphs=100), seed=2)
    samples = [s for family in ("gripper", "grid") for s in source.make(Shard(family, 0, 5))]
    write_packed(tmp_path / "set", source.schema, [replace(s, info={**s.info, "split": "test"}) for s in samples])
    graphs = PackedGraphs.open(tmp_path / "set")
    torch.manual_seed(0)
    model = build_model(Config(model=name, channels=16), graphs.schema).eval()
    with torch.no_grad():
        ours = torch.cat([model(b).logits for b in BatchLoader(graphs, 6, shuffle=False).epoch(0)])
        theirs = torch.cat([model(b).logits for b in DataLoader(graphs, batch_size=6)])
        assert len(ours) == len(samples)
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)  # a short last batch joins ours
        same = [model(graphs.batch(range(6))).logits, model(next(iter(DataLoader(graphs, batch_size=6)))).logits]
    assert torch.equal(*same)
