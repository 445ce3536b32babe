"""How many objects the planning graphs name: those of a training beside those of longer plans and larger problems.

    python benchmarks/sizes.py                   # writes benchmarks/results/sizes.md
    python benchmarks/sizes.py --file FILE.md    # writes it elsewhere

A problem that has four times as many objects makes no graph four times as large, since a graph has the objects that its
plan or its goal names, and the plans are as long as before.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asking import guarded, place_of_file, positive
from nsm.config import load_config
from nsm.data.packed import PackedGraphs
from nsm.pipeline import load_graphs
from nsm.runs import write_text
from quality_sets import TASKS
from timing import circumstances, listed

RESULT = Path(__file__).parent / "results" / "sizes.md"
OBJECT = "object"

HEAD = """# How many objects planning graphs name

Made by `python benchmarks/sizes.py`, from {graphs} graphs of the training's data (seed 0) and of each set. A graph has
the objects that its plan or its goal names. Median of the objects, the most in any graph of the training's of that
family, and the shares of a set's graphs that have more than that, and at least twice as many; of steps likewise."""


def counts(graphs: PackedGraphs) -> dict[str, npt.NDArray[Any]]:
    """Of each graph its family, its objects and its steps: ``(G,)`` each."""
    kind = graphs.schema.node_types.index(OBJECT)
    objects = [int((graphs.sample(position).node_type == kind).sum()) for position in range(len(graphs))]
    families, lengths = (np.array(graphs.table[name].to_pylist()) for name in ("family", "length"))
    return {"family": families, "objects": np.array(objects), "steps": lengths}


def build(settings: Sequence[str], graphs: int, cache: Path) -> dict[str, npt.NDArray[Any]]:
    """Those of a set that is made with some settings."""
    config = load_config(None, ["planning.allow_leaks=true", *settings, f"planning.graphs={graphs}"], cache=cache)
    return counts(load_graphs(config, quiet=True))


def row(name: str, family: str, what: str, base: npt.NDArray[Any], found: npt.NDArray[Any]) -> str:
    """One line of the table."""
    most = base.max()
    shares = (f"{np.mean(found > most):.0%}", f"{np.mean(found >= 2 * most):.0%}")
    cells = (name, family, what, f"{np.median(base):.0f}", f"{most:.0f}", f"{np.median(found):.0f}", *shares)
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Builds the sets, counts, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=positive, default=400, help="graphs of each set (default 400)")
    parser.add_argument("--file", type=place_of_file, default=RESULT, help="where the table goes")
    options = parser.parse_args()
    lines = [HEAD.format(graphs=options.graphs), "", *listed(circumstances(("numpy",))), ""]
    lines.append("| set | family | of | training: median | most | set: median | more | twice as many |")
    lines.append("|---|---|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        training = build((), options.graphs, Path(folder))
        for name, settings in TASKS["planning"].others.items():
            found = build(settings, options.graphs, Path(folder))
            for what in ("objects", "steps"):
                for family in np.unique(training["family"]).tolist():
                    base, own = (one[what][one["family"] == family] for one in (training, found))
                    lines.append(row(name, family, what, base, own))
    write_text(options.file, "\n".join(lines) + "\n")
    print(options.file)
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
