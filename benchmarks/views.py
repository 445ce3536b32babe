"""Time to draw a run of 1,000 epochs and to list a root of 500 runs and 3,500 checkpoints, against their budgets.

python benchmarks/views.py              a table, exit status 1 over a budget
python benchmarks/views.py --json       the same as one JSON object
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nsm.analysis.live import run_view
from nsm.analysis.plots import png_bytes
from nsm.analysis.run_table import run_table
from nsm.config import Config
from nsm.dashboard import CheckpointBrowser
from nsm.dashboard.extra import notebook_module
from nsm.runs import Run, create_run, write_json, write_text
from timing import circumstances, listed

BUDGET = 1.0  # seconds of processor time
EPOCHS, RUNS, LAYERS = 1000, 500, 69


def made_run(root: Path, name: str, epochs: int) -> Run:
    """A run folder as a training of so many epochs leaves it, with gradient norms of every layer."""
    run = create_run(root, "planning", name)
    write_text(run.config, Config(epochs=epochs).to_toml())
    layers = [f"levels.{number // 23}.blocks.{number}.f" for number in range(LAYERS)]
    lines = []
    for epoch in range(1, epochs + 1):
        loss, accuracy = 1 / epoch**0.5, 1 - 0.5 / epoch**0.3
        names = ("train_loss", "train_task_loss", "train_cycle_loss", "val_loss", "val_task_loss", "val_cycle_loss")
        metrics = dict.fromkeys(names, loss) | {"train_acc": accuracy, "val_acc": accuracy, "learning_rate": loss / 100}
        metrics |= {f"val_reconstruction_level_{level}": loss for level in range(2)}
        lines.append(
            {
                "epoch": epoch,
                "step": epoch * 100,
                "metrics": metrics,
                "is_best": True,
                "resources": {"seconds": 3.0, "graphs_per_second": 800.0 + epoch % 7, "memory_mib": 500.0},
                "gradient_norms": {layer: loss * (place + 1) for place, layer in enumerate(layers)},
            }
        )
    write_text(run.history, "".join(json.dumps(line) + "\n" for line in lines))
    for path in (run.best, run.last, *(run.epoch_checkpoint(epochs * part // 5) for part in range(1, 6))):
        path.write_bytes(b"weights")  # of a run's checkpoints the list reads no more than the name
    write_json(run.training_history, {"epoch": [line["epoch"] for line in lines], "interrupted": False})
    return run


def processor_seconds(work: Callable[[], object], repeats: int) -> float:
    """Median processor time of some calls; a first one warms fonts and disk."""
    seconds = []
    for _ in range(repeats + 1):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return statistics.median(seconds[1:])


def first_time(work: Callable[[], object]) -> float:
    """Processor time of one call, before anything is remembered; modules are imported already."""
    notebook_module("ipywidgets")
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> int:
    """Measures, prints and compares with the budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        long = made_run(root / "long", "long", EPOCHS)
        for number in range(RUNS):
            made_run(root / "many", f"run_{number}", 100)
        rows = {
            f"view of {EPOCHS:,} epochs": processor_seconds(lambda: png_bytes(run_view(long)), options.repeats),
            f"table of {RUNS} runs": processor_seconds(lambda: run_table(root / "many").to_text(), options.repeats),
            "browser, first time": first_time(lambda: CheckpointBrowser(root / "many").widget()),
            "browser, again": processor_seconds(lambda: CheckpointBrowser(root / "many").widget(), options.repeats),
        }
    about = circumstances(["matplotlib"], budget=f"{BUDGET} s", repeats=options.repeats)
    if options.json:
        print(json.dumps({**about, "budget": BUDGET, "seconds": rows}))
    else:
        print("\n".join([*listed(about), "", "| what | median, s | times the budget |", "|---|---:|---:|"]))
        for name, seconds in rows.items():
            print(f"| {name} | {seconds:.3f} | {seconds / BUDGET:.2f} |")
    return int(any(seconds > BUDGET for seconds in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
