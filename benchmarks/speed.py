"""Speed against PyTorch Geometric's layers, pooling and loader, and against the limit of the machine.

python benchmarks/speed.py                    on planning graphs of the default data set
python benchmarks/speed.py --data FOLDER      on a data set that is built already
python benchmarks/speed.py --synthetic        on random graphs of the same size, which need no building
python benchmarks/speed.py --json FILE        writes the figures as JSON, and the tables beside it

Processor time, one thread. Rivals take turns, so only the ratios of one run mean something; the times depend on the
machine. It ends with status 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import count, islice
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from asking import guarded, place_of_file, positive
from gemm import count_operations, gemm_rate
from nsm.config import Config, load_config
from nsm.data.loader import BatchLoader
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Schema
from nsm.models import build_model, compute_loss
from nsm.models.sagpool import SAGPoolHierarchy
from nsm.models.sizes import parameter_count
from nsm.nn import RelationalConv, RelationalGraph, both_ways
from nsm.pipeline import load_graphs
from nsm.training.device import keep_freed_memory
from rivals import RIVAL_CONVS, FlatRival, with_reference_layers, with_weights_per_edge
from synthetic import REFERENCE_SIZE, synthetic_set
from targets import Target, finish
from timing import Contest, circumstances, race, tables

Step = Callable[[Any], None]

BATCHES = 4  # different batches that the rounds go through
GEMM_SIDE = 1024
REFERENCE = "as many convolutions of the reference's layer: 64 to 64 channels, a weight gathered per edge"
INFERENCE_TRIPLES, INFERENCE_RUNS = 1000, 40


def sizes_of(schema: Schema) -> tuple[int, int, int]:
    """Numbers of node features, relations and classes."""
    return schema.in_channels, len(schema.relations), len(schema.labels)


def parameters(model: nn.Module) -> str:
    """Number of trained values, in words."""
    return f"{sum(p.numel() for p in model.parameters()):,} parameters"


def layer_contest(batches: list[Any], num_relations: int, channels: int, rounds: int) -> Contest:
    """One relational convolution, forward and backward, reverse edges included."""
    x = [torch.randn(b.num_nodes, channels, requires_grad=True) for b in batches]
    ours = RelationalConv(channels, channels, 2 * num_relations)

    def graph(batch: Any) -> RelationalGraph:
        ones = torch.ones_like(batch.edge_weight)
        columns = batch.edge_index, batch.edge_type, batch.edge_weight, ones
        return RelationalGraph(*columns, batch.num_nodes, num_relations)

    ready = [graph(b).messages for b in batches]
    doubled = [both_ways(b.edge_index, b.edge_type, num_relations) for b in batches]

    def rival(conv: nn.Module) -> Callable[[int], None]:
        return lambda i: conv(x[i % BATCHES], *doubled[i % BATCHES]).sum().backward()

    def sorting_as_well(i: int) -> None:
        ours(x[i % BATCHES], graph(batches[i % BATCHES]).messages).sum().backward()

    rivals: dict[str, Callable[[int], object]] = {
        "NSM RelationalConv": lambda i: ours(x[i % BATCHES], ready[i % BATCHES]).sum().backward(),
        "NSM RelationalConv, sorting the edges as well": sorting_as_well,
    }
    for name, make in RIVAL_CONVS.items():
        rivals[name] = rival(make(channels, channels, 2 * num_relations))
    size = f"{batches[0].num_nodes:,} nodes, {2 * batches[0].num_edges:,} messages, {channels} channels"
    return race(f"One convolution, forward and backward ({size})", rivals, rounds)


def training_step(model: nn.Module, loss_of: Callable[[Any], torch.Tensor]) -> Step:
    """Forward, backward and the optimiser's step on one batch; the optimiser is the same for all."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def step(batch: Any) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss_of(batch).backward()
        optimizer.step()

    return step


def in_turn(steps: Mapping[str, Step], batches: list[Any]) -> dict[str, Callable[[int], object]]:
    """The steps as functions of the round, each round on another batch, the same for all."""
    return {name: (lambda i, step=step: step(batches[i % BATCHES])) for name, step in steps.items()}


def our_step(model: nn.Module, weight: float) -> Step:
    """The training step of a model of NSM, with the reconstruction error where it weighs something."""
    return training_step(model, lambda b: compute_loss(model(b, reconstruct=weight > 0), b, weight).total)


def rival_step(model: nn.Module) -> Step:
    """The training step of a model that returns class scores."""
    return training_step(model, lambda batch: nn.functional.cross_entropy(model(batch), batch.y))


def sag_hierarchies(schema: Schema, config: Config) -> dict[str, nn.Module]:
    """SAGPool hierarchies of as many convolutions as NSM's has, the first with its channels, the second with its size.

    The third has as many as NSM's computes, down as well as up.
    """
    first, *above = [2 * blocks for blocks in config.blocks_per_level]
    refine = 2 * config.refine_blocks
    # a lifting has three; two of them are computed on the way up, all three on the way down
    has = (first + refine + 3, *(n + 3 for n in above[:-1]), above[-1])
    computes = (2 * first + refine + 5, *(2 * n + 5 for n in above[:-1]), above[-1])

    def sag(layers: Sequence[int], channels: int) -> SAGPoolHierarchy:
        return SAGPoolHierarchy(*sizes_of(schema), channels=channels, layers=layers, pool_ratio=config.pool_ratio)

    size = parameter_count(config, schema)
    narrow = min(
        range(8, config.channels + 1, 4),
        key=lambda width: abs(sum(p.numel() for p in sag(has, width).parameters()) - size),
    )
    rivals = ((has, config.channels), (has, narrow), (computes, config.channels))
    return {
        f"SAGPool hierarchy, {sum(layers)} RGCNConv with edge weights, {channels} channels": sag(layers, channels)
        for layers, channels in rivals
    }


def reference_contest(folder: Path, config: Config, rounds: int) -> tuple[Contest, float]:
    """A training step on graphs of the reference's size, and its share of the GEMM rate.

    NSM's blocks convolve half of the channels at a time. The first rival has as many convolutions between the same
    levels, but each as the reference has it, of all channels; the second computes the very numbers that NSM computes.
    """
    weight = config.cycle_weight
    graphs = synthetic_set(folder / "reference", BATCHES * config.batch_size, REFERENCE_SIZE)
    batches = list(islice(BatchLoader(graphs, config.batch_size), BATCHES))
    ours = build_model(config, graphs.schema)
    same, theirs = with_weights_per_edge(ours), with_reference_layers(ours)
    ours_step = our_step(ours, weight)
    operations = count_operations(lambda: ours_step(batches[0]))
    a, b = torch.randn(2, GEMM_SIDE, GEMM_SIDE)
    rivals = {
        **in_turn({"NSM hierarchy": ours_step}, batches),
        **in_turn({REFERENCE: our_step(theirs, weight)}, batches),
        **in_turn({"NSM's own half-width layers, a weight gathered per edge": our_step(same, weight)}, batches),
        f"a product of two {GEMM_SIDE} x {GEMM_SIDE} matrices": lambda _: a @ b,
    }
    notes = {"NSM hierarchy": f"{operations / 1e9:.2f} GFLOP in products"}
    title = f"Training step on {batches[0].num_nodes:,} nodes, {batches[0].num_edges:,} edges, 17 relations"
    contest = race(title, rivals, rounds, notes)
    return contest, operations * contest.rows[-1].ratio / (2 * GEMM_SIDE**3)


def step_contests(batches: list[Any], schema: Schema, config: Config, rounds: int) -> list[Contest]:
    """Training steps of flat models of as many convolutions and channels, and of hierarchies."""
    flat = build_model(config.model_copy(update={"model": "flat"}), schema)
    models: dict[str, nn.Module] = {"NSM flat": flat}
    for name, make in RIVAL_CONVS.items():
        models[f"flat, {name}"] = FlatRival(make, sizes_of(schema), config.channels, config.flat_layers)
    steps = {name: our_step(model, 0) if model is flat else rival_step(model) for name, model in models.items()}
    notes = {name: parameters(model) for name, model in models.items()}
    title = f"Training step of flat models, {config.flat_layers} convolutions, {batches[0].num_graphs} graphs"
    contests = [race(title, in_turn(steps, batches), rounds, notes)]

    ours, name = build_model(config, schema), f"NSM hierarchy, {config.num_levels} levels"
    rivals = sag_hierarchies(schema, config)
    steps = {name: our_step(ours, config.cycle_weight), f"{name}, without reconstruction": our_step(ours, 0)}
    steps |= {rival: our_step(model, 0) for rival, model in rivals.items()}
    notes = {name: parameters(ours), **{rival: parameters(model) for rival, model in rivals.items()}}
    title = f"Training step of hierarchies, {batches[0].num_graphs} graphs"
    return [*contests, race(title, in_turn(steps, batches), rounds, notes)]


def loaders(graphs: PackedGraphs, batch_size: int) -> dict[str, Callable[[], Iterable[Any]]]:
    """Batches in a new random order each time."""
    ours, epochs = BatchLoader(graphs, batch_size), count()
    in_memory = DataLoader([graphs[i] for i in range(len(graphs))], batch_size, shuffle=True)
    packed = DataLoader(graphs, batch_size, shuffle=True)  # type: ignore[arg-type]
    return {
        "NSM BatchLoader, as the models take its batches": lambda: ours.epoch(next(epochs)),
        "PyG DataLoader, Data objects in memory": lambda: in_memory,
        "PyG DataLoader, over packed graphs": lambda: packed,
        "NSM BatchLoader, the features of every node copied": lambda: (b.x for b in ours.epoch(next(epochs))),
    }


def loader_contest(graphs: PackedGraphs, batch_size: int, rounds: int) -> Contest:
    """Batching alone."""
    rivals = {
        name: (lambda _, make=make: deque(make(), maxlen=0)) for name, make in loaders(graphs, batch_size).items()
    }
    return race(f"Batching {len(graphs):,} graphs, {batch_size} at a time", rivals, rounds)


def epoch_contests(graphs: PackedGraphs, config: Config, rounds: int) -> list[Contest]:
    """Batching and training together: an epoch of the flat models, and of the hierarchies."""
    make_ours, make_theirs, *_ = loaders(graphs, config.batch_size).values()

    def epoch(step: Step, make: Callable[[], Iterable[Any]]) -> Callable[[int], object]:
        return lambda _: deque(map(step, make()), maxlen=0)

    flat = build_model(config.model_copy(update={"model": "flat"}), graphs.schema)
    conv = FlatRival(RIVAL_CONVS["PyG RGCNConv"], sizes_of(graphs.schema), config.channels, config.flat_layers)
    hierarchy = build_model(config, graphs.schema)
    sag = sag_hierarchies(graphs.schema, config)
    flat_rivals = {
        "NSM flat and BatchLoader": epoch(our_step(flat, 0), make_ours),
        "flat, PyG RGCNConv and DataLoader": epoch(rival_step(conv), make_theirs),
    }
    rivals = {"NSM hierarchy and BatchLoader": epoch(our_step(hierarchy, config.cycle_weight), make_ours)}
    rivals |= {f"{name}, and DataLoader": epoch(our_step(model, 0), make_theirs) for name, model in sag.items()}
    size = f"{len(graphs):,} graphs"
    return [
        race(f"An epoch of {size}, flat, {config.flat_layers} convolutions", flat_rivals, rounds),
        race(f"An epoch of {size}, hierarchies", rivals, rounds),
    ]


def inference_contest(config: Config) -> Contest:
    """Inference on one graph of 1,000 triples, and on one of a single edge."""
    from nsm.models import Hierarchy

    model = Hierarchy(16, 17, 2, channels=config.channels, blocks=config.blocks_per_level).eval()

    def infer(nodes: int, triples: int) -> Callable[[int], object]:
        ends, kinds = torch.randint(nodes, (2, triples)), torch.randint(17, (triples,))
        graph = Data(x=torch.randn(nodes, 16), edge_index=ends, edge_type=kinds)
        return lambda _: model(graph, reconstruct=False)

    rivals = {f"{INFERENCE_TRIPLES:,} triples": infer(INFERENCE_TRIPLES // 3, INFERENCE_TRIPLES), "1 edge": infer(2, 1)}
    with torch.inference_mode():
        return race("Inference of the hierarchy on one graph", rivals, INFERENCE_RUNS)


def measure(graphs: PackedGraphs, folder: Path, rounds: int) -> tuple[list[Contest], list[Target], float]:
    """All contests with the default configuration but three levels, their targets, and the share of the GEMM rate."""
    config, schema = Config(num_levels=3, blocks=2), graphs.schema
    torch.manual_seed(0)
    batches = list(islice(BatchLoader(graphs, config.batch_size), BATCHES))
    reference, share = reference_contest(folder, config, rounds)
    flat_epoch, hierarchy_epoch = epoch_contests(graphs.subset(range(BATCHES * config.batch_size)), config, rounds)
    loading, inference = loader_contest(graphs, config.batch_size, rounds), inference_contest(config)
    targets = [
        Target("hierarchy's step, times the reference's layer in as many convolutions", reference.rows[1].ratio, 15),
        Target("flat epoch, times PyG's RGCNConv and DataLoader", flat_epoch.rows[1].ratio, 3),
        Target("hierarchy's epoch, times SAGPool of as many convolutions", hierarchy_epoch.rows[1].ratio, 3),
        Target("batching, times PyG's DataLoader", loading.rows[1].ratio, 30),
        Target("inference on 1,000 triples, ms", inference.rows[0].milliseconds, 8, is_most=True),
    ]
    layers = layer_contest(batches, len(schema.relations), config.channels, rounds)
    steps = step_contests(batches, schema, config, rounds)
    return [reference, layers, *steps, loading, flat_epoch, hierarchy_epoch, inference], targets, share


def main() -> None:
    """Measures, prints, and tells whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=positive, default=2000, help="graphs to build (default 2000)")
    parser.add_argument("--rounds", type=positive, default=7, help="rounds that count (default 7)")
    parser.add_argument("--data", type=Path, help="folder of packed graphs")
    parser.add_argument("--synthetic", action="store_true", help="random graphs, which need no building")
    told = "use freed memory again, as every training does; the rivals, which need more of it, gain more"
    parser.add_argument("--keep-memory", action="store_true", help=told)
    parser.add_argument("--json", type=place_of_file, metavar="FILE", help="where to write the figures as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.keep_memory:
        keep_freed_memory()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.data:
            graphs, told = PackedGraphs.open(options.data).subset("train"), options.data.name
        elif options.synthetic:
            graphs, told = synthetic_set(folder / "graphs", options.graphs), "synthetic"
        else:
            config = load_config(None, [f"planning.graphs={options.graphs}"], cache=folder)
            graphs, told = load_graphs(config).subset("train"), "planning, default domains"
        graphs = graphs.subset(range(min(len(graphs), options.graphs)))
        contests, targets, share = measure(graphs, folder, options.rounds)
    # RGCNConv multiplies faster where pyg-lib is installed, of which PyPI has no wheels
    packages = ("torch", "torch-geometric", "pyg-lib", "numpy")
    data = f"{told}, {len(graphs):,} graphs"
    gemm = (
        f"{gemm_rate() / 1e9:.1f} GFLOP/s; the hierarchy's step on graphs of the reference's size runs at {share:.0%}"
    )
    about = circumstances(packages, data=data, rounds=options.rounds, gemm=gemm)
    finish(tables(contests), targets, about, {"contests": [asdict(contest) for contest in contests]}, options.json)


if __name__ == "__main__":
    sys.exit(guarded(main))
