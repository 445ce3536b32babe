"""bfloat16 against float32 on the processor: the same data, the same weights at the start, the same test graphs.

``python benchmarks/precision.py`` does the default training on planning data once in either precision, and pairs what
the two models say of each test graph. A second row pairs one and the same model, trained in float32, evaluated in
either: arithmetic alone. The exit status is 1 unless the 95 % interval of the first difference contains 0 and lies
within two points of it.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nsm import pipeline
from nsm.config import Config
from nsm.pipeline.prediction import predict
from nsm.runs import Run
from nsm.training.device import open_fabric
from timing import circumstances, listed

Right = npt.NDArray[np.float64]  # 1 where a graph was judged rightly, else 0

LIMIT = 2.0  # points


@dataclass(frozen=True)
class Difference:
    """Accuracy in bfloat16 less that in float32, in points.

    Attributes:
        graphs: Pairs.
        float32: Accuracy in float32.
        bfloat16: Accuracy in bfloat16.
        differing: Share of the graphs of which only one of the two is right.
        low: Lower end of the 95 % interval of the difference, paired by graph.
        high: Its upper end.
    """

    graphs: int
    float32: float
    bfloat16: float
    differing: float
    low: float
    high: float

    @property
    def is_small(self) -> bool:
        """Whether the interval contains 0 and lies within the limit."""
        return -LIMIT <= self.low <= 0 <= self.high <= LIMIT


def main() -> int:
    """Runs everything; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of data, weights and order (default: 0)")
    parser.add_argument("--graphs", type=int, help="graphs of each seed (default: that of planning)")
    parser.add_argument("--epochs", type=int, help="passes over them (default: that of planning)")
    parser.add_argument("--cache", type=Path, help="where built data are kept (default: nowhere)")
    arguments = parser.parse_args()
    print("\n".join(listed(circumstances(["torch"], seeds=arguments.seeds))), flush=True)
    trained: list[tuple[Right, Right]] = []
    evaluated: list[tuple[Right, Right]] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in arguments.seeds:
            config = settings(Path(folder), seed, arguments)
            single, half = (train(config, precision) for precision in ("32-true", "bf16-mixed"))
            right = judged(single, config, "32-true")
            trained.append((right, judged(half, config, "bf16-mixed")))
            evaluated.append((right, judged(single, config, "bf16-mixed")))
    first, second = paired(trained), paired(evaluated)
    print("\n| | graphs | float32 | bfloat16 | only one right | 95 % interval of the difference |")
    print("|---|---:|---:|---:|---:|---|")
    print(row("trained and evaluated in it", first))
    print(row("trained in float32, evaluated in it", second))
    told = "contains 0 and lies within" if first.is_small else "does not contain 0, or reaches beyond"
    print(f"\nthe interval of the difference {told} {LIMIT:.0f} points")
    return 0 if first.is_small else 1


def settings(folder: Path, seed: int, arguments: argparse.Namespace) -> Config:
    """The default training, unless something else is asked for."""
    planning = {"allow_leaks": True} | ({} if arguments.graphs is None else {"graphs": arguments.graphs})
    home = {"root": folder, "cache": arguments.cache or folder / "data", "accelerator": "cpu", "seed": seed}
    epochs = {} if arguments.epochs is None else {"epochs": arguments.epochs}
    return Config.model_validate({"planning": planning, **home, **epochs})


def train(config: Config, precision: str) -> Run:
    """The run of a training in a precision."""
    began = time.process_time()
    changes: dict[str, Any] = {"precision": precision, "run": f"{precision}_{config.seed}"}
    result = pipeline.train(config.model_copy(update=changes), quiet=True)
    if result.interrupted:
        raise KeyboardInterrupt  # half of a training is no result
    seconds = time.process_time() - began
    print(f"seed {config.seed}, {precision}: {result.best_val_acc:.3f} on validation, {seconds:.0f} s", flush=True)
    return result.run


def judged(run: Run, config: Config, precision: str) -> Right:
    """Whether each test graph is judged rightly by a run's best model, in a precision."""
    fabric = open_fabric(config.model_copy(update={"precision": precision}))
    graphs = pipeline.load_graphs(config, quiet=True).subset("test")
    model = pipeline.load_model(run)
    said = predict(model, graphs, fabric, batch_size=config.batch_size, advance=lambda *_: None, what="test")
    return np.asarray(said.logits.argmax(axis=1) == graphs.labels, dtype=np.float64)


def paired(answers: list[tuple[Right, Right]]) -> Difference:
    """The difference over all graphs of all seeds."""
    single, half = (np.concatenate(column) for column in zip(*answers, strict=True))
    difference = 100 * (half - single)
    mean, error = float(difference.mean()), float(difference.std(ddof=1)) / math.sqrt(len(difference))
    low, high = mean - 1.96 * error, mean + 1.96 * error
    differing = float((difference != 0).mean())
    return Difference(len(difference), float(single.mean()), float(half.mean()), differing, low, high)


def row(name: str, found: Difference) -> str:
    """One line of the table, in per cent and points."""
    shares = (found.float32, found.bfloat16, found.differing)
    cells = [name, f"{found.graphs:,}", *(f"{100 * share:.1f}" for share in shares)]
    return f"| {' | '.join(cells)} | {found.low:+.2f} to {found.high:+.2f} |"


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main())
