"""What a training costs: the hierarchy's steps beside those of the flat networks that it is compared with.

    python benchmarks/step_time.py
    python benchmarks/step_time.py --domains planning causal --rounds 9
    python benchmarks/step_time.py --json FILE      writes the figures as JSON as well

Configurations and sizes are those of ``quality.py``: as many parameters, within 5 %. The networks train in turn on the
same batches, as many at a time as the reconstruction error is computed once in, so that a round has its share of that.
Processor time, one thread, 800 graphs, without validations and averages of the weights. The processor times that
``quality.py`` keeps of whole trainings also depend on what else the machine did, other things for each; these ratios
hardly do.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import torch

from asking import guarded, place_of_file, positive, refuse
from nsm.config import Config
from nsm.data.loader import BatchLoader
from nsm.models import build_model, compute_loss
from nsm.pipeline.datasets import load_graphs
from nsm.training.device import keep_freed_memory
from nsm.training.schedules import build_optimizer
from quality_sets import DEFAULTS, MODELS, REFERENCE, TASKS, build_config
from targets import Target, finish
from timing import Contest, circumstances, race, tables
from trainings import Place, sized

RIVALS, GRAPHS = ("flat-8", "flat-4"), 800


def trained(config: Config) -> tuple[Callable[[int], None], str]:
    """A function that trains for as many steps as one reconstruction error comes in, and the number of parameters."""
    graphs = load_graphs(config, quiet=True).subset("train")
    torch.manual_seed(0)
    model = build_model(config, graphs.schema).train()
    optimizer = build_optimizer(model, config, torch.device("cpu"))
    if len(graphs) < (needed := config.batch_size * config.cycle_every):
        batches_of = f"{needed} training graphs for {config.cycle_every} full batches"
        refuse(f"expected {batches_of}, got {len(graphs)}: ask for more with --graphs")
    batches = list(islice(BatchLoader(graphs, config.batch_size, seed=0), config.cycle_every))
    weight = config.cycle_weight * config.cycle_every

    def steps(_: int) -> None:
        for number, batch in enumerate(batches):
            optimizer.zero_grad()
            reconstructs = number == 0 and weight > 0
            compute_loss(model(batch, reconstruct=reconstructs), batch, weight * reconstructs).total.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            optimizer.step()

    return steps, f"{sum(p.numel() for p in model.parameters()):,} parameters"


def contest(name: str, place: Place, rounds: int, graphs: int) -> Contest:
    """The networks of one task."""
    task = TASKS[name]
    fewer = [f"{task.domain}.graphs={graphs}", f"{task.domain}.allow_leaks=true"]
    reference = build_config(task, (*fewer, *MODELS[REFERENCE]), place, seed=0)
    configs = {model: sized(build_config(task, (*fewer, *MODELS[model]), place, seed=0), reference) for model in RIVALS}
    found = {model: trained(config) for model, config in {REFERENCE: reference, **configs}.items()}
    title = f"{name}: {reference.cycle_every} training steps of {reference.batch_size} graphs"
    return race(
        title,
        {model: run for model, (run, _) in found.items()},
        rounds,
        {model: size for model, (_, size) in found.items()},
    )


def main() -> None:
    """Measures, prints, and tells whether the networks that planning compares take as long, within 5 %."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domains", nargs="+", choices=DEFAULTS, default=list(DEFAULTS), help="tasks")
    parser.add_argument("--rounds", type=positive, default=15, help="rounds that count (default 15)")
    parser.add_argument("--graphs", type=positive, default=GRAPHS, help=f"graphs to train on (default {GRAPHS})")
    parser.add_argument("--json", type=place_of_file, metavar="FILE", help="where to write the figures as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as every training does
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), Path(folder), Path(folder), is_quick=False)
        contests = [contest(name, place, options.rounds, options.graphs) for name in options.domains]
    about = circumstances(("torch", "numpy"), rounds=options.rounds, graphs=options.graphs)
    planning = next((one for one in contests if one.title.startswith("planning")), None)
    name = "planning: time of as many steps of flat-8, times the hierarchy's"
    targets = [] if planning is None else [Target(name, planning.rows[1].ratio, 0.95)]
    finish(tables(contests), targets, about, {"contests": [asdict(one) for one in contests]}, options.json)


if __name__ == "__main__":
    sys.exit(guarded(main))
