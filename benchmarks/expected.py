"""What to expect of a training: seconds of its parts, and memory by batch size, as the tables in experiments/README.md.

Processor time of one thread, which on a machine of its own is the time of the clock; on a GPU the time of the clock.
Each batch size is measured in a process of its own: the most memory that it held (on a GPU: that torch had in use).

    python benchmarks/expected.py                   # planning, 2,000 graphs
    python benchmarks/expected.py causal --graphs 2000 --json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from nsm.cli.options import limit_threads
from timing import circumstances, listed

BATCH_SIZES = (16, 32, 64, 128)
EPOCHS = 2  # the first warms up, the last one counts


def main() -> None:
    """Measures each batch size in turn, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("domain", nargs="?", default="planning", choices=("planning", "causal", "kg"))
    parser.add_argument("--graphs", type=int, default=2_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--batch-size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.batch_size is not None:
        print(json.dumps(measure(given.domain, given.graphs, given.batch_size, given.root)))
        return
    with tempfile.TemporaryDirectory() as root:
        rows = [alone(given.domain, given.graphs, size, Path(root)) for size in (BATCH_SIZES[0], *BATCH_SIZES)][1:]
    print(json.dumps(rows) if given.json else page(given.domain, given.graphs, rows))


def alone(domain: str, graphs: int, batch_size: int, root: Path) -> dict[str, Any]:
    """One measurement in a process of its own; the first one also makes the data."""
    command = [sys.executable, __file__, domain, "--graphs", str(graphs), "--batch-size", str(batch_size)]
    done = subprocess.run([*command, "--root", str(root)], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure(domain: str, graphs: int, batch_size: int, root: Path) -> dict[str, Any]:
    """Seconds of opening the data, of making the model, of an epoch and its validation; memory in MiB."""
    limit_threads(1)
    import torch

    from nsm import Config, pipeline
    from nsm.training.device import peak_memory_mib

    torch.set_num_threads(1)
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    config = Config.model_validate(
        {"domain": domain, domain: {"graphs": graphs}, "batch_size": batch_size, "epochs": EPOCHS, "root": root}
    )
    began = clock()
    data = pipeline.load_graphs(config, quiet=True)
    loaded = clock()
    trainer = pipeline.build_trainer(config, quiet=True)
    built, device = clock(), trainer.fabric.device
    before, ends = peak_memory_mib(device), [clock()]
    ends += [clock() for _ in trainer.epochs()]
    return {
        "batch_size": batch_size,
        "graphs": len(data.subset("train")),
        "load": loaded - began,
        "build": built - loaded,
        "epoch": ends[-1] - ends[-2],
        "before_mib": before,
        "peak_mib": peak_memory_mib(device),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "processor, one thread",
    }


def page(domain: str, graphs: int, rows: list[dict[str, Any]]) -> str:
    """Two tables in Markdown, and where they were measured."""
    usual = next(row for row in rows if row["batch_size"] == 64)
    times = {
        f"open the data set ({graphs:,} graphs), once it is made": usual["load"],
        "make the model, and look at the audit": usual["build"],
        f"an epoch with its validation ({usual['graphs']:,} training graphs, batch size 64)": usual["epoch"],
        "10 epochs (10 times that)": 10 * usual["epoch"],
        "100 epochs (100 times that)": 100 * usual["epoch"],
    }
    lines = [
        f"## {domain}, on: {usual['device']}",
        "",
        *listed(circumstances(("torch",))),
        "",
        "| what | seconds |",
        "|---|---|",
    ]
    lines += [f"| {name} | {seconds:,.1f} |" for name, seconds in times.items()]
    lines += ["", "| batch size | memory, MiB | of that by training | training graphs a second |", "|---|---|---|---|"]
    lines += [
        f"| {row['batch_size']} | {row['peak_mib']:,.0f} | {row['peak_mib'] - row['before_mib']:,.0f} "
        f"| {row['graphs'] / row['epoch']:,.0f} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
