"""Processor time of the command line's help, which is what a user waits for before anything begins.

python benchmarks/startup.py            a table, exit status 1 over the budget
python benchmarks/startup.py --json     the same as one JSON object
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

from timing import circumstances, listed

BUDGET = 0.3  # seconds of processor time, median
ENTRY = "import sys; from nsm.cli.main import main; sys.exit(main())"  # what the installed script does
COMMANDS = (("--help",), ("train", "--help"))


def processor_seconds(arguments: tuple[str, ...]) -> float:
    """User and system time of one ``nsm`` process and its children.

    Raises:
        RuntimeError: If it fails.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", ENTRY, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"'nsm {' '.join(arguments)}' ended with status {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def measure(repeats: int) -> dict[str, dict[str, float]]:
    """Median, fastest and slowest of each command, taken in turn; a first run of each warms the disk."""
    seconds: dict[tuple[str, ...], list[float]] = {command: [] for command in COMMANDS}
    for repeat in range(repeats + 1):
        for command, runs in seconds.items():
            spent = processor_seconds(command)
            if repeat:
                runs.append(spent)
    return {
        "nsm " + " ".join(command): {"median": statistics.median(runs), "min": min(runs), "max": max(runs)}
        for command, runs in seconds.items()
    }


def main() -> int:
    """Measures, prints and compares with the budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(options.repeats)
    about = circumstances(["typer"], budget=f"{BUDGET} s", repeats=options.repeats)
    if options.json:
        print(json.dumps({**about, "budget": BUDGET, "commands": rows}))
    else:
        print("\n".join([*listed(about), ""]))
        print("| command | median, s | fastest to slowest | times the budget |\n|---|---:|---:|---:|")
        for command, row in rows.items():
            span = f"{row['min']:.3f} to {row['max']:.3f}"
            print(f"| `{command}` | {row['median']:.3f} | {span} | {row['median'] / BUDGET:.2f} |")
    return int(any(row["median"] > BUDGET for row in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
