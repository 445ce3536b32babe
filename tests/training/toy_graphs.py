"""A data set that a small model learns in seconds: does the chain of nodes hold a marked one?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nsm.config import Config
from nsm.data.build import build_dataset
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Sample, Schema
from nsm.models import build_model
from nsm.runs import create_run
from nsm.training import Callback, Trainer
from nsm.training.seeds import seed_everything

TINY = {"batch_size": 16, "channels": 8, "num_levels": 2, "blocks": 1, "refine_blocks": 0}
SMALL = Config(epochs=3, accelerator="cpu", save_every=2, average_share=0.0, workers=0, **TINY)


@dataclass(frozen=True)
class MarkedChains:
    """``count`` chains of 4 to 8 nodes; in half of them one node is of the type ``marked``."""

    count: int = 120
    split_shares: tuple[float, float, float] = (0.6, 0.2, 0.2)

    @property
    def schema(self) -> Schema:
        return Schema("planning", ("plain", "marked"), ("none",), ("next",), ("no", "yes"), ("weight",))

    def key(self) -> Mapping[str, Any]:
        return {"toy": "marked chains", "count": self.count}

    def shards(self) -> Sequence[Any]:
        return [range(first, min(first + 40, self.count)) for first in range(0, self.count, 40)]

    def make(self, shard: range) -> list[Sample]:
        return [self.chain(number) for number in shard]

    def chain(self, number: int) -> Sample:
        random = np.random.default_rng(number)
        size, label = int(random.integers(4, 9)), number % 2
        node_type = np.zeros(size, np.int64)
        node_type[random.integers(size)] = label
        return Sample(
            node_type=node_type,
            role=np.zeros(size, np.int64),
            order=np.arange(size),
            value=random.random((size, 1), np.float32),
            head=np.arange(size - 1),
            relation=np.zeros(size - 1, np.int64),
            tail=np.arange(1, size),
            label=label,
            group=f"group {number // 2}",
            names=[f"node {i}" for i in range(size)],
            evidence_nodes=(0,),
            info={"family": "chain", "length": size, "distance": label},
            source="{}",
        )


def toy_graphs(folder: Path, count: int = 120) -> PackedGraphs:
    """The data set, built below ``folder``."""
    return build_dataset(MarkedChains(count), folder)


def toy_trainer(
    graphs: PackedGraphs, root: Path, *callbacks: Callback, config: Config = SMALL, **changes: object
) -> Trainer:
    """A small hierarchy before its first step, in a new run below ``root``."""
    config = Config(**(dict(config) | changes))
    seed_everything(config.seed)
    model = build_model(config, graphs.schema)
    run = create_run(root, "planning")
    return Trainer(config, model, graphs.subset("train"), graphs.subset("val"), run, callbacks)


@contextmanager
def running_out(model: nn.Module, above: int) -> Iterator[None]:
    """Lets a model run out of memory with more than so many graphs at a time."""

    def refuse(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        if inputs[0].num_graphs > above:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB (injected by a test)")

    handle = model.register_forward_pre_hook(refuse)
    try:
        yield
    finally:
        handle.remove()


def continued(graphs: PackedGraphs, trainer: Trainer, *callbacks: Callback, **changes: object) -> Trainer:
    """A new trainer of the same run, as another process would make it."""
    config = Config(**(dict(trainer.config) | changes))
    seed_everything(config.seed)
    model = build_model(config, graphs.schema)
    return Trainer(config, model, graphs.subset("train"), graphs.subset("val"), trainer.run, callbacks)
