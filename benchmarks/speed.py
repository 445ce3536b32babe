"""Training speed against PyTorch Geometric's layers, pooling and loader: processor time, one thread, ratios.

python benchmarks/speed.py                    on planning graphs of the default data set
python benchmarks/speed.py --data FOLDER      on a data set that is built already
python benchmarks/speed.py --synthetic        on random graphs of the same size, which need no building
python benchmarks/speed.py --json FILE        writes the figures as JSON as well

Rivals take turns, so only the ratios of one run mean something; the times depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch_geometric.loader import DataLoader

from nsm.config import Config, load_config
from nsm.data.loader import BatchLoader
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Sample, Schema
from nsm.data.writing import write_packed
from nsm.models import build_model, compute_loss
from nsm.nn import RelationalConv, RelationalGraph
from nsm.pipeline import load_graphs
from rivals import RIVAL_CONVS, FlatRival, SAGHierarchy, both_ways
from timing import Contest, circumstances, markdown, race

Step = Callable[[Any], None]

BATCHES = 4  # different batches that the rounds go through


def random_graphs(number: int) -> Iterator[Sample]:
    """Graphs of the size of the planning graphs: 43 nodes and 155 edges on average, 10 relations."""
    rng = np.random.default_rng(0)
    for i in range(number):
        n = int(rng.integers(30, 57))
        e = int(3.6 * n)
        yield Sample(
            node_type=rng.integers(0, 3, n),
            role=rng.integers(0, 3, n),
            order=rng.integers(-1, 24, n),
            value=np.zeros((n, 0), np.float32),
            head=rng.integers(0, n, e),
            relation=rng.integers(0, 10, e),
            tail=rng.integers(0, n, e),
            label=i % 2,
            group=str(i),
        )


def synthetic_set(folder: Path, number: int) -> PackedGraphs:
    """Random graphs, written and opened as any data set."""
    words = [tuple(f"{kind}{i}" for i in range(size)) for kind, size in (("type", 3), ("relation", 10))]
    schema = Schema("synthetic", words[0], ("none", "initial", "goal"), words[1], ("no", "yes"), ())
    write_packed(folder, schema, random_graphs(number))
    return PackedGraphs.open(folder)


def sizes_of(schema: Schema) -> tuple[int, int, int]:
    """Numbers of node features, relations and classes."""
    return schema.in_channels, len(schema.relations), len(schema.labels)


def parameters(model: nn.Module) -> int:
    """Number of trained values."""
    return sum(p.numel() for p in model.parameters())


def layer_contest(batches: list[Any], num_relations: int, channels: int, rounds: int) -> Contest:
    """One relational convolution, forward and backward, reverse edges included."""
    x = [torch.randn(b.num_nodes, channels, requires_grad=True) for b in batches]
    ours = RelationalConv(channels, channels, 2 * num_relations)

    def graph(batch: Any) -> RelationalGraph:
        ones = torch.ones_like(batch.edge_weight)
        return RelationalGraph(
            batch.edge_index, batch.edge_type, batch.edge_weight, ones, batch.num_nodes, num_relations
        )

    sorted_before = [graph(b).messages for b in batches]
    doubled = [both_ways(b, num_relations) for b in batches]

    def rival(conv: nn.Module) -> Callable[[int], None]:
        return lambda i: conv(x[i % BATCHES], *doubled[i % BATCHES]).sum().backward()

    rivals: dict[str, Callable[[int], object]] = {
        "NSM RelationalConv": lambda i: ours(x[i % BATCHES], sorted_before[i % BATCHES]).sum().backward(),
        "NSM RelationalConv, sorting the edges as well": lambda i: (
            ours(x[i % BATCHES], graph(batches[i % BATCHES]).messages).sum().backward()
        ),
    }
    for name, make in RIVAL_CONVS.items():
        rivals[name] = rival(make(channels, channels, 2 * num_relations))
    size = f"{batches[0].num_nodes:,} nodes, {2 * batches[0].num_edges:,} messages, {channels} channels"
    return race(f"One convolution, forward and backward ({size})", rivals, rounds)


def training_step(model: nn.Module, loss_of: Callable[[Any], torch.Tensor]) -> Step:
    """Forward, backward and the optimiser's step on one batch."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step(batch: Any) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss_of(batch).backward()
        optimizer.step()

    return step


def in_turn(steps: Mapping[str, Step], batches: list[Any]) -> dict[str, Callable[[int], object]]:
    """The steps as functions of the round, each round on another batch, the same for all."""
    return {name: (lambda i, step=step: step(batches[i % BATCHES])) for name, step in steps.items()}


def our_step(config: Config, schema: Schema, *, reconstruct: bool = True) -> tuple[nn.Module, Step]:
    """A model of NSM with its training step, the reconstruction error included unless told otherwise."""
    model = build_model(config, schema)
    weight = config.cycle_weight if reconstruct else 0.0

    def run(batch: Any) -> torch.Tensor:
        return compute_loss(model(batch, reconstruct=reconstruct), batch, weight).total

    return model, training_step(model, run)


def rival_step(model: nn.Module) -> Step:
    """The training step of a model that returns class scores."""
    return training_step(model, lambda batch: nn.functional.cross_entropy(model(batch), batch.y))


def flat_contest(batches: list[Any], schema: Schema, config: Config, rounds: int) -> Contest:
    """Training steps of flat models of as many convolutions and channels."""
    ours, step = our_step(config.model_copy(update={"model": "flat"}), schema)
    models: dict[str, nn.Module] = {"NSM flat": ours}
    steps = {"NSM flat": step}
    for name, make in RIVAL_CONVS.items():
        model = FlatRival(make, sizes_of(schema), config.channels, config.flat_layers)
        models[f"flat, {name}"], steps[f"flat, {name}"] = model, rival_step(model)
    notes = {name: f"{parameters(model):,} parameters" for name, model in models.items()}
    title = f"Training step, {config.flat_layers} convolutions, {batches[0].num_graphs} graphs"
    return race(title, in_turn(steps, batches), rounds, notes)


def hierarchy_contest(batches: list[Any], schema: Schema, config: Config, rounds: int) -> Contest:
    """Training steps of hierarchies of about as many parameters."""
    ours, step = our_step(config, schema)
    shape = (config.channels, config.num_levels)
    candidates = [SAGHierarchy(sizes_of(schema), *shape, n, config.pool_ratio) for n in range(1, 9)]
    sag = min(candidates, key=lambda model: abs(parameters(model) - parameters(ours)))
    name = f"NSM hierarchy, {config.num_levels} levels"
    rival = f"SAGPool hierarchy, {len(sag.levels[0])} RGCNConv per level"
    bare = our_step(config, schema, reconstruct=False)[1]
    steps = {name: step, f"{name}, without reconstruction": bare, rival: rival_step(sag)}
    notes = {name: f"{parameters(ours):,} parameters", rival: f"{parameters(sag):,} parameters"}
    title = f"Training step of hierarchies, {batches[0].num_graphs} graphs"
    return race(title, in_turn(steps, batches), rounds, notes)


def loaders(graphs: PackedGraphs, batch_size: int) -> dict[str, Callable[[], Iterable[Any]]]:
    """Batches in a new random order each time."""
    in_memory = [graphs[i] for i in range(len(graphs))]
    epochs = count()
    return {
        "NSM BatchLoader": lambda: BatchLoader(graphs, batch_size).epoch(next(epochs)),
        "PyG DataLoader, Data objects in memory": lambda: DataLoader(in_memory, batch_size, shuffle=True),
        "PyG DataLoader, over packed graphs": lambda: DataLoader(graphs, batch_size, shuffle=True),
    }


def loader_contest(graphs: PackedGraphs, batch_size: int, rounds: int) -> Contest:
    """Batching alone."""
    rivals = {
        name: (lambda _, make=make: deque(make(), maxlen=0)) for name, make in loaders(graphs, batch_size).items()
    }
    return race(f"Batching {len(graphs):,} graphs, {batch_size} at a time", rivals, rounds)


def epoch_contest(graphs: PackedGraphs, config: Config, rounds: int) -> Contest:
    """Batching and training together: an epoch of the flat models."""
    make_ours, make_theirs, _ = loaders(graphs, config.batch_size).values()
    ours = our_step(config.model_copy(update={"model": "flat"}), graphs.schema)[1]
    sizes = (sizes_of(graphs.schema), config.channels, config.flat_layers)
    theirs = rival_step(FlatRival(RIVAL_CONVS["PyG RGCNConv"], *sizes))

    def epoch(step: Step, make: Callable[[], Iterable[Any]]) -> Callable[[int], object]:
        return lambda _: deque(map(step, make()), maxlen=0)

    rivals = {
        "NSM flat and BatchLoader": epoch(ours, make_ours),
        "flat, PyG RGCNConv and DataLoader, Data objects in memory": epoch(theirs, make_theirs),
    }
    return race(f"An epoch of {len(graphs):,} graphs, {config.flat_layers} convolutions", rivals, rounds)


def planning_graphs(number: int, cache: Path) -> PackedGraphs:
    """Training graphs of the default planning data, fewer of them."""
    config = load_config(None, [f"planning.graphs={number}"], cache=cache)
    return load_graphs(config).subset("train")


def measure(graphs: PackedGraphs, rounds: int) -> list[Contest]:
    """All contests, with the default configuration."""
    config, schema = Config(), graphs.schema
    torch.manual_seed(0)
    batches = list(islice(BatchLoader(graphs, config.batch_size), BATCHES))
    return [
        layer_contest(batches, len(schema.relations), config.channels, rounds),
        flat_contest(batches, schema, config, rounds),
        hierarchy_contest(batches, schema, config, rounds),
        loader_contest(graphs, config.batch_size, rounds),
        epoch_contest(graphs.subset(range(BATCHES * config.batch_size)), config, rounds),
    ]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=2000, help="graphs to build (default 2000)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count (default 7)")
    parser.add_argument("--data", type=Path, help="folder of packed graphs")
    parser.add_argument("--synthetic", action="store_true", help="random graphs, which need no building")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        if options.data:
            graphs, name = PackedGraphs.open(options.data).subset("train"), options.data.name
        elif options.synthetic:
            graphs, name = synthetic_set(Path(folder) / "graphs", options.graphs), "synthetic"
        else:
            graphs, name = planning_graphs(options.graphs, Path(folder)), "planning, default domains"
        contests = measure(graphs, options.rounds)
    # pyg-lib speeds up RGCNConv on a GPU
    packages = ("torch", "torch-geometric", "pyg-lib", "numpy")
    about = circumstances(packages, data=f"{name}, {len(graphs):,} graphs", rounds=options.rounds)
    print(markdown(contests, about))
    if options.json:
        figures = {"about": about, "contests": [asdict(contest) for contest in contests]}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
