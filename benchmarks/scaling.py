"""Time per triple of a training step as graphs grow: the hierarchy on one graph of 10,000 to 1,000,000 triples.

python benchmarks/scaling.py
python benchmarks/scaling.py --json FILE      writes the figures as JSON as well

Processor time, one thread; the machine's rate of matrix products is measured between the steps. It ends with status 1
where a target is missed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # as the command nsm does; read with torch's first tensor

import torch

from asking import guarded, place_of_file, positive
from gemm import count_operations, gemm_rate
from nsm.config import Config
from nsm.models import Hierarchy, compute_loss
from nsm.training.device import keep_freed_memory
from targets import Target, finish
from timing import circumstances

SIZES = (10_000, 100_000, 1_000_000)
RELATIONS, IN_CHANNELS, TRIPLES_PER_NODE = 16, 16, 4


@dataclass(frozen=True)
class Scale:
    """A size: microseconds per triple, and how much of the time the products would take at the machine's rate."""

    triples: int
    seconds: float
    microseconds_per_triple: float
    operations: int
    gemm_share: float


def random_graph(triples: int) -> Any:
    """One random graph."""
    from torch_geometric.data import Data  # it makes tensors, before which torch has to be asked for large pages

    generator = torch.Generator().manual_seed(0)
    nodes = triples // TRIPLES_PER_NODE
    return Data(
        x=torch.randn(nodes, IN_CHANNELS, generator=generator),
        edge_index=torch.randint(nodes, (2, triples), generator=generator),
        edge_type=torch.randint(RELATIONS, (triples,), generator=generator),
        edge_weight=torch.rand(triples, generator=generator),
        tie_key=torch.randperm(nodes, generator=generator),
        batch=torch.zeros(nodes, dtype=torch.long),
        y=torch.zeros(1, dtype=torch.long),
        num_nodes=nodes,
    )


def main() -> None:
    """Measures, prints, and tells whether the target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=positive, default=3, help="rounds that count (default 3)")
    parser.add_argument("--json", type=place_of_file, metavar="FILE", help="where to write the figures as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as every training does
    torch.manual_seed(0)
    config = Config(num_levels=3, blocks=2)
    model = Hierarchy(IN_CHANNELS, RELATIONS, 2, channels=config.channels, blocks=config.blocks_per_level)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def step(graph: Any) -> None:
        optimizer.zero_grad()
        compute_loss(model(graph), graph, config.cycle_weight).total.backward()
        optimizer.step()

    graphs = {size: random_graph(size) for size in SIZES}
    operations = {size: count_operations(lambda graph=graph: step(graph)) for size, graph in graphs.items()}
    seconds: dict[int, list[float]] = {size: [] for size in SIZES}
    rates = []
    for _ in range(options.rounds):
        for size, graph in graphs.items():
            rates.append(gemm_rate())
            begin = time.process_time()
            step(graph)
            seconds[size].append(time.process_time() - begin)
    rate = statistics.median(rates)
    scales = []
    for size in SIZES:
        spent = statistics.median(seconds[size])
        share = operations[size] / rate / spent
        scales.append(Scale(size, spent, 1e6 * spent / size, operations[size], share))
    lines = ["", f"### Training step of the hierarchy on one graph, {config.channels} channels", ""]
    lines += [
        "| triples | s | us per triple | GFLOP in products | share of the GEMM rate |",
        "|---:|---:|---:|---:|---:|",
    ]
    for s in scales:
        cells = (f"{s.triples:,}", f"{s.seconds:.2f}", f"{s.microseconds_per_triple:.1f}", f"{s.operations / 1e9:.1f}")
        lines.append(f"| {' | '.join(cells)} | {s.gemm_share:.0%} |")
    by_round = [a / b / (SIZES[2] / SIZES[1]) for a, b in zip(seconds[SIZES[2]], seconds[SIZES[1]], strict=True)]
    name = "time per triple at 1,000,000 triples to that at 100,000"
    targets = [Target(name, statistics.median(by_round), 1.5, is_most=True)]
    about = circumstances(("torch", "numpy"), rounds=options.rounds, gemm=f"{rate / 1e9:.1f} GFLOP/s")
    finish(lines, targets, about, {"scales": [asdict(scale) for scale in scales]}, options.json)


if __name__ == "__main__":
    sys.exit(guarded(main))
