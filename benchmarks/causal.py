"""Processor time of making causal graphs, on one core: draws, exact answers, twins, packing, hashes, splits.

python benchmarks/causal.py                    2,000 graphs of the default data set, three times
python benchmarks/causal.py --json             the same as one JSON object

The exit status is 1 over the budget.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from nsm.config import CausalConfig
from nsm.data.build import build_dataset
from nsm.data.causal.source import CausalSource
from timing import circumstances, listed

BUDGET = 5.0  # seconds


def measure(graphs: int, seed: int) -> dict[str, float]:
    """Seconds of processor time, and what was built in them."""
    source = CausalSource(CausalConfig(graphs=graphs), seed)
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        built = build_dataset(source, Path(folder))
        seconds = time.process_time() - began
        return {"seed": seed, "graphs": len(built), "scenarios": len(set(built.groups.tolist())), "seconds": seconds}


def main() -> int:
    """Measures, prints and compares with the budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    measure(20, 0)  # what is imported and compiled on the way does not count
    rows = [measure(options.graphs, seed) for seed in range(options.rounds)]
    median = statistics.median(row["seconds"] for row in rows)
    about = circumstances(["numpy", "pyarrow"], budget=f"{BUDGET:g} s for 2,000 graphs")
    if options.json:
        print(json.dumps({**about, "budget": BUDGET, "median": median, "rounds": rows}))
    else:
        print("\n".join([*listed(about), "", "| seed | graphs | scenarios | processor, s |", "|---:|---:|---:|---:|"]))
        for row in rows:
            print(f"| {row['seed']} | {row['graphs']:,} | {row['scenarios']:,} | {row['seconds']:.2f} |")
        print(f"\nmedian {median:.2f} s")
    return int(median > BUDGET * options.graphs / 2_000)


if __name__ == "__main__":
    sys.exit(main())
