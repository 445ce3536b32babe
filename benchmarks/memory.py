"""Memory of one convolution, and of stacks of reversible blocks, each in a process of its own.

python benchmarks/memory.py
python benchmarks/memory.py --json FILE       writes the figures as JSON as well

The peak of a convolution is what the process held at most, less what it held with the inputs and the weights before;
that of a stack is what torch allocated. It ends with status 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from asking import guarded, place_of_file
from nsm.nn import DropoutKey, RelationalConv, RelationalGraph, ReversibleBlock, ReversibleStack
from rivals import WeightPerEdge
from targets import Target, finish
from timing import circumstances

NODES, EDGES, RELATIONS, CHANNELS = 10_000, 100_000, 64, 64
STACK_NODES, STACK_EDGES, STACK_RELATIONS = 20_000, 60_000, 8
DEPTHS = (4, 8, 16, 32)


def peak_mib(run: Callable[[], object]) -> float:
    """How much more than before the process held at most while it ran, in MiB."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free already is no part of "before"
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _status("VmRSS")
    run()
    return (_status("VmHWM") - before) / 1024


def allocated_mib(run: Callable[[], object]) -> float:
    """How much torch had allocated at most while it ran, in MiB.

    What the process holds says less: the C library before its version 2.38 does not use aligned blocks again.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    events = profiler.profiler.kineto_results.events()
    return max(accumulate(event.nbytes() for event in events if event.name() == "[memory]")) / 2**20


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def random_graph(nodes: int, edges: int, relations: int) -> RelationalGraph:
    """A random graph whose edges are all certain."""
    generator, ones = torch.Generator().manual_seed(0), torch.ones(edges)
    ends = torch.randint(nodes, (2, edges), generator=generator)
    kinds = torch.randint(relations, (edges,), generator=generator)
    return RelationalGraph(ends, kinds, ones, ones, nodes, relations)


def convolution(which: str) -> float:
    """Peak of one convolution forward and backward, MiB; sorting its messages is part of it."""
    torch.set_num_threads(1)
    both_ways = which == "NSM, and the reverse edges"
    graph = random_graph(NODES, EDGES if both_ways else EDGES // 2, RELATIONS if both_ways else RELATIONS // 2)
    x = torch.randn(NODES, CHANNELS, requires_grad=True)
    if which == "a weight gathered per edge":
        rival = WeightPerEdge(CHANNELS, CHANNELS, RELATIONS)
        ends, kinds = torch.randint(NODES, (2, EDGES)), torch.randint(RELATIONS, (EDGES,))
        return peak_mib(lambda: rival(x, ends, kinds).sum().backward())
    conv = RelationalConv(CHANNELS, CHANNELS, graph.num_message_relations)
    small = random_graph(10, 20, graph.num_relations)
    conv(x[:10].detach(), small.messages).sum().backward()  # gradients and libraries are there
    return peak_mib(lambda: conv(x, graph.messages).sum().backward())


def stack_of(depth: int, recompute: str) -> tuple[nn.Module, RelationalGraph, Tensor]:
    """Reversible blocks, their gradients in place, on a graph so large that what they keep outweighs them."""
    torch.manual_seed(0)
    graph = random_graph(STACK_NODES, STACK_EDGES, STACK_RELATIONS)
    blocks = [ReversibleBlock(CHANNELS, 2 * STACK_RELATIONS, 0.0, i, DropoutKey()) for i in range(depth)]
    stack = ReversibleStack(blocks, recompute)
    small = random_graph(10, 20, STACK_RELATIONS)
    stack(torch.randn(10, CHANNELS), small).sum().backward()
    stack.zero_grad(set_to_none=False)
    return stack, graph, torch.randn(STACK_NODES, CHANNELS, requires_grad=True)


def stack(depth: int, recompute: str) -> float:
    """Peak of a stack forward and backward, MiB."""
    torch.set_num_threads(1)
    blocks, graph, x = stack_of(depth, recompute)
    assert graph.messages
    return allocated_mib(lambda: blocks(x, graph).square().mean().backward())


def gradient_difference() -> float:
    """Difference of all weights' gradient in the deepest stack from that with all activations kept, relative to it."""
    found = []
    for recompute in ("none", "reverse"):
        blocks, graph, x = stack_of(DEPTHS[-1], recompute)
        blocks(x, graph).square().mean().backward()
        found.append(torch.cat([weight.grad.flatten() for weight in blocks.parameters() if weight.grad is not None]))
    kept, again = found
    return float((again - kept).norm() / kept.norm())


def alone(measure: Callable[..., float], *arguments: object) -> float:
    """The result of a function in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, *arguments).result()


def main() -> None:
    """Measures, prints, and tells whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=place_of_file, metavar="FILE", help="where to write the figures as JSON")
    options = parser.parse_args()
    about = circumstances(("torch", "numpy"))
    names = ("NSM", "NSM, and the reverse edges", "a weight gathered per edge")
    layers = {name: alone(convolution, name) for name in names}
    stacks = {how: {depth: alone(stack, depth, how) for depth in DEPTHS} for how in ("none", "reverse")}
    size = f"{NODES:,} nodes, {EDGES:,} edges, {RELATIONS} relations, {CHANNELS} channels"
    lines = ["", f"### One convolution, forward and backward ({size})", "", "| | MiB at the peak |", "|---|---:|"]
    lines += [f"| {name} | {mib:.0f} |" for name, mib in layers.items()]
    size = f"{STACK_NODES:,} nodes, {STACK_EDGES:,} edges, {CHANNELS} channels"
    lines += ["", f"### Reversible blocks, forward and backward ({size})", ""]
    lines += ["| recompute | " + " | ".join(f"{depth} blocks" for depth in DEPTHS) + " |"]
    lines += ["|---|" + "---:|" * len(DEPTHS)]
    for how, of_depth in stacks.items():
        lines.append(f"| {how} | " + " | ".join(f"{mib:.0f} MiB" for mib in of_depth.values()) + " |")
    flat = stacks["reverse"][DEPTHS[-1]] / stacks["reverse"][DEPTHS[0]]
    targets = [
        Target("one convolution, MiB", layers["NSM, and the reverse edges"], 250, is_most=True),
        Target("32 reversible blocks to 4, memory", flat, 1.3, is_most=True),
        Target("their gradients, relative difference", gradient_difference(), 1e-5, is_most=True),
    ]
    finish(lines, targets, about, {"layers": layers, "stacks": stacks}, options.json)


if __name__ == "__main__":
    sys.exit(guarded(main))
