"""Time and memory of importing a large table of triples.

python benchmarks/importing.py                 a million triples of 100,000 entities, as one graph and as 10,000
python benchmarks/importing.py --json          the same as one JSON object

The exit status is 1 over the budget.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from timing import circumstances, listed

BUDGET = {"seconds": 30.0, "gigabytes": 2.0}
ENTITIES, RELATIONS = 100_000, 50


def write_triples(path: Path, graphs: int, triples: int) -> None:
    """A table of random triples in which every entity stands, with a label column."""
    random = np.random.default_rng(0)
    graph = np.sort(random.integers(0, graphs, triples))
    head, tail = random.integers(0, ENTITIES, (2, triples))
    head[:ENTITIES] = np.arange(ENTITIES)[:triples]
    relation = random.integers(0, RELATIONS, triples)
    with path.open("w", encoding="utf-8") as stream:
        stream.write("graph\thead\trelation\ttail\tlabel\n")
        rows = zip(*(column.tolist() for column in (graph, head, relation, tail)), strict=True)
        stream.writelines(f"g{g}\tentity {h}\tr{r}\tentity {t}\t{g % 2}\n" for g, h, r, t in rows)


def measure(graphs: int, triples: int) -> dict[str, float]:
    """Wall time, processor time and peak memory of one ``nsm data import`` process."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "triples.tsv"
        write_triples(table, graphs, triples)
        command = [sys.executable, "-m", "nsm", "data", "import", str(table), "--out", f"{folder}/out", "--quiet"]
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"the import ended with status {process.returncode}")
    processor = usage.ru_utime + usage.ru_stime
    return {"graphs": graphs, "seconds": seconds, "processor": processor, "gigabytes": usage.ru_maxrss / 1024**2}


def main() -> int:
    """Measures, prints and compares with the budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--triples", type=int, default=1_000_000)
    parser.add_argument("--graphs", type=int, nargs="+", default=[1, 10_000])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [measure(graphs, options.triples) for graphs in options.graphs]
    budget = ", ".join(f"{limit:g} {unit}" for unit, limit in BUDGET.items())
    about = circumstances(["numpy", "pyarrow"], budget=budget, triples=options.triples)
    if options.json:
        print(json.dumps({**about, "budget": BUDGET, "imports": rows}))
    else:
        print("\n".join([*listed(about), ""]))
        print("| graphs | wall, s | processor, s | memory, GB | times the budget |\n|---:|---:|---:|---:|---:|")
        for row in rows:
            share = max(row[name] / limit for name, limit in BUDGET.items())
            measured = f"{row['seconds']:.1f} | {row['processor']:.1f} | {row['gigabytes']:.2f}"
            print(f"| {row['graphs']:,} | {measured} | {share:.2f} |")
    return int(any(row[name] > limit for row in rows for name, limit in BUDGET.items()))


if __name__ == "__main__":
    sys.exit(main())
