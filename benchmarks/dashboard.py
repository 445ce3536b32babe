"""What the live view costs a training in a notebook's kernel.

``python benchmarks/dashboard.py`` starts a real kernel (the extra ``notebook``) and trains in it with and without the
view, in turn, with the same seed, each time for a minute or more by the clock. The time is that of the whole training,
from the first step to the last picture. The exit status is 1 if the view costs more than 3 %.

Beside the time by the clock stands the processor time of the training's process, which a busy machine disturbs less,
and that of the process that draws.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from nsm import dashboard, pipeline
from nsm.config import Config
from nsm.training import Trainer
from timing import circumstances, listed

LIMIT = 0.03
GRAPHS = 1200


def main() -> int:
    """Measures, prints and compares with the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each training at least (default: 60)")
    parser.add_argument("--rounds", type=int, default=2, help="trainings with the view (default: 2)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rounds = in_a_kernel(f"import dashboard; dashboard.print_rounds({options.seconds}, {options.rounds})")
    clock = [one["with"]["clock"] / one["without"]["clock"] - 1 for one in rounds]
    processor = [one["with"]["processor"] / one["without"]["processor"] - 1 for one in rounds]
    cost = statistics.median(clock)
    about = circumstances(["torch", "matplotlib", "ipykernel"], limit=f"{LIMIT:.0%}", rounds=options.rounds)
    if options.json:
        print(json.dumps({**about, "cost": cost, "processor": statistics.median(processor), "rounds": rounds}))
    else:
        print("\n".join([*listed(about), ""]))
        print("| training | clock, s | processor, s | drawing, s | pictures |\n|---|---:|---:|---:|---:|")
        for one in rounds:
            for name, row in one.items():
                numbers = f"{row['clock']:.1f} | {row['processor']:.1f} | {row['drawing']:.1f} | {row['pictures']}"
                print(f"| {name} the view | {numbers} |")
        print(f"\nthe view costs {cost:+.2%} by the clock, {statistics.median(processor):+.2%} of processor time")
    return int(cost > LIMIT)


def in_a_kernel(code: str) -> Any:
    """Runs code in a new kernel; returns the JSON that it prints last."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    printed: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "error":
            raise SystemExit("\n".join(content["traceback"]))
        if message["msg_type"] == "stream" and content["name"] == "stdout":
            printed.append(content["text"])

    try:
        path = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
        client.execute_interactive(path + code, output_hook=hear)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return json.loads("".join(printed).splitlines()[-1])


def print_rounds(seconds: float, rounds: int) -> None:
    """Trains with and without the view, in turn, and prints what it took."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        timed(trainer_of(Path(folder), 1))  # builds the data, and warms everything
        short, long = (timed(trainer_of(Path(folder), number))["clock"] for number in (1, 4))
        epochs = math.ceil(1.4 * seconds / (long - short) * 3)
        found = []
        for number in range(rounds):
            order = ("without", "with") if number % 2 == 0 else ("with", "without")
            rows = {name: timed(trainer_of(Path(folder), epochs), has_view=name == "with") for name in order}
            found.append({name: rows[name] for name in ("without", "with")})
    print(json.dumps(found))


def trainer_of(folder: Path, epochs: int) -> Trainer:
    """A trainer of the default model on planning data."""
    planning = {"graphs": GRAPHS, "allow_leaks": True}
    home = {"root": folder / "runs", "cache": folder / "data", "accelerator": "cpu"}
    return pipeline.build_trainer(Config.model_validate({"epochs": epochs, "planning": planning, **home}), quiet=True)


class CountingView(dashboard.LiveView):
    """The live view, which counts its pictures."""

    pictures = 0

    def on_start(self, trainer: Trainer) -> None:
        """Counts what the frame draws."""
        super().on_start(trainer)
        assert self._frame is not None
        draw = self._frame.draw

        def counted(png: bytes, about: str) -> None:
            self.pictures += 1
            draw(png, about)

        self._frame.draw = counted  # type: ignore[method-assign]


def timed(trainer: Trainer, *, has_view: bool = False) -> dict[str, float]:
    """Trains to the end; returns what it took."""
    view = CountingView()
    if has_view:
        view.attach(trainer)
    began, processor, drawing = time.perf_counter(), time.process_time(), of_children()
    trainer.fit()
    return {
        "clock": time.perf_counter() - began,
        "processor": time.process_time() - processor,
        "drawing": of_children() - drawing,
        "pictures": view.pictures,
    }


def of_children() -> float:
    """Processor time of the processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
