"""Accuracy of the default trainings on the test split, hierarchy beside flat network and probes, over seeds.

    python benchmarks/accuracy.py                                      # everything that is not there yet
    python benchmarks/accuracy.py --domains planning --models flat     # some of it
    python benchmarks/accuracy.py --table                              # only the table, from what is there

Each training is one JSON file in ``benchmarks/results/accuracy/``; one that is there is not repeated. The table is
``benchmarks/results/accuracy.md``. A seed is that of the data, the weights and the order of training alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from nsm import pipeline
from nsm.config import Config, load_config
from nsm.pipeline.datasets import read_audit
from nsm.training import TrainResult
from timing import circumstances, listed

Figures = dict[str, Any]

RESULTS = Path(__file__).parent / "results"
DOMAINS, MODELS = ("planning", "causal"), ("hierarchy", "flat")
SINGLE = (
    "samples",
    "majority",
    "ceiling",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "auc",
    "reconstruction_abstract",
)
PARTS = {"planning": "by_family", "causal": "by_rung"}


def run(domain: str, model: str, seed: int, cache: Path) -> None:
    """Trains and evaluates as the command line does, and keeps the figures, unless they are there."""
    file = RESULTS / "accuracy" / f"{domain}_{model}_{seed}.json"
    if file.exists():
        return
    print(f"{domain}, {model}, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as root:
        config = load_config(None, [], domain=domain, model=model, seed=seed, root=Path(root), cache=cache)
        result = pipeline.train(config, quiet=True)
        if result.interrupted:
            raise KeyboardInterrupt  # half of a training is no result
        told = {"domain": domain, "model": model, "seed": seed, **describe(result, config)}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def describe(result: TrainResult, config: Config) -> Figures:
    """What the table shows of one training."""
    figures = pipeline.evaluate(result.run, quiet=True).figures
    audit = read_audit(pipeline.load_graphs(config, quiet=True)) or {}
    parts = {
        name: {key: part.get(key) for key in ("samples", "accuracy", "majority", "ceiling", "attained")}
        for name, part in figures[PARTS[config.domain]].items()
    }
    probes = {score["name"]: score["accuracy"] for score in audit["local_probes"] if not score["feature"]}
    probes["best trivial feature"] = audit["probe"]
    told = {key: figures.get(key) for key in SINGLE} | {"parts": parts, "probes": probes}
    return {**told, "epochs": result.epochs, "seconds": result.seconds}


def collect() -> dict[tuple[str, str], list[Figures]]:
    """All results by domain and model."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted((RESULTS / "accuracy").glob("*.json"))]
    groups = {(d, m): [f for f in found if (f["domain"], f["model"]) == (d, m)] for d in DOMAINS for m in MODELS}
    return {key: group for key, group in groups.items() if group}


def markdown(groups: dict[tuple[str, str], list[Figures]]) -> str:
    """The tables."""
    lines = [
        "# Accuracy on the test split",
        "",
        "Made by `python benchmarks/accuracy.py`; mean (lowest to highest) over",
    ]
    lines += [
        "seeds, in per cent. Attained is the share of the way from the majority to the ceiling. Seconds are those of"
    ]
    lines += ["the clock on a machine that others used at the same time: a bound from above.", ""]
    lines += listed(circumstances(("torch", "torch-geometric", "scikit-learn")))
    for domain in dict.fromkeys(domain for domain, _ in groups):
        mine = {model: group for (of, model), group in groups.items() if of == domain}
        seeds = "; ".join(f"{model}: seeds {', '.join(str(f['seed']) for f in group)}" for model, group in mine.items())
        samples = " and ".join(f"{n:,}" for n in sorted({f["samples"] for group in mine.values() for f in group}))
        lines += ["", f"## {domain}", "", f"Test graphs: {samples}. {seeds}."]
        lines += ["", f"| | {' | '.join(mine)} |", "|---|" + "---|" * len(mine)]
        lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in _rows(list(mine.values()))]
        reference = next(iter(mine.values()))
        lines += [
            "",
            "| cheaper than any model | accuracy |",
            "|---|---|",
            f"| majority | {_span(reference, 'majority')} |",
        ]
        lines += [f"| {name} | {_span([f['probes'] for f in reference], name)} |" for name in reference[0]["probes"]]
    return "\n".join(lines) + "\n"


def _rows(groups: list[list[Figures]]) -> list[tuple[str, list[str]]]:
    """Name and cells of each row."""
    flat = [[_flat(figures) for figures in group] for group in groups]
    rows = [(name, [_span(group, name) for group in flat]) for name, value in flat[0][0].items() if value is not None]
    rows.append(("reconstruction error", [_span(group, "reconstruction_abstract", 1) for group in groups]))
    return [*rows, ("training, seconds", [_span(group, "seconds", 1, 0) for group in groups])]


def _flat(figures: Figures) -> Figures:
    parts = {f"{name}, {key}": part[key] for name, part in figures["parts"].items() for key in ("accuracy", "attained")}
    return {"accuracy": figures["accuracy"], "ceiling": figures["ceiling"], **parts}


def _span(found: list[Figures], key: str, factor: float = 100, digits: int = 1) -> str:
    """Mean, lowest and highest; nothing where nobody has a figure."""
    values = [factor * f[key] for f in found if f.get(key) is not None]
    digits = 3 if factor == 1 and digits else digits
    if not values:
        return ""
    mean, low, high = (f"{value:.{digits}f}" for value in (statistics.mean(values), min(values), max(values)))
    return mean if low == high else f"{mean} ({low} to {high})"


def main() -> int:
    """Trains what is missing, then writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domains", nargs="+", choices=DOMAINS, default=DOMAINS)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--seeds", nargs="+", type=int, default=(0, 1, 2))
    parser.add_argument("--cache", type=Path, help="where built data is kept; a temporary folder by default")
    parser.add_argument("--table", action="store_true", help="only write the table")
    options = parser.parse_args()
    if not options.table:
        with tempfile.TemporaryDirectory() as folder:
            for seed in options.seeds:
                for domain in options.domains:
                    for model in options.models:
                        run(domain, model, seed, options.cache or Path(folder))
    (RESULTS / "accuracy.md").write_text(markdown(collect()), encoding="utf-8")
    print(RESULTS / "accuracy.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
