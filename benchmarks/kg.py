"""Knowledge graphs: our models beside majority, degrees, DistMult and ComplEx, over seeds.

    python benchmarks/kg.py                                   # everything that is not there yet
    python benchmarks/kg.py --tasks umls --models ours flat   # some of it
    python benchmarks/kg.py --table                           # only the tables, from what is there

Each training is one JSON file in ``benchmarks/results/kg/``; one that is there is not repeated. The tables are
``benchmarks/results/kg.json`` and ``kg.md``. The inductive pairs and CLUTRR are read from ``--shared``.
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
from typing import Any

import numpy as np

from embeddings import evaluate_embedding
from nsm import pipeline
from nsm.analysis.metrics import average_precision
from nsm.config import Config, load_config
from nsm.data.kg.query_probes import TOGETHER, query_features
from nsm.data.probes import boost
from published import CTP, RANKING
from timing import circumstances, listed

Figures = dict[str, Any]

RESULTS = Path(__file__).parent / "results"
TRANSDUCTIVE = ("umls", "kinships", "nations")
INDUCTIVE = ("WN18RR_v1", "fb237_v1")
TASKS = (*TRANSDUCTIVE, *INDUCTIVE, "clutrr")
SEEDS = (0, 1, 2)
KEPT = ("accuracy", "majority", "samples", "average_precision", "auc", "mrr", "hits_at_1", "hits_at_3", "hits_at_10")
METRICS = ("accuracy", "average_precision", "mrr", "hits_at_10")
PAIR = "--graph {task} --inductive {task}_ind --set kg.hops=3"
COMMANDS = {**dict.fromkeys(TRANSDUCTIVE, "--set kg.dataset={task}"), **dict.fromkeys(INDUCTIVE, PAIR)}
COMMANDS["clutrr"] = "--set kg.clutrr={task}"


def settings(task: str, seed: int, root: Path, shared: Path, **more: object) -> Config:
    """The configuration of one task: the defaults of ``nsm train kg``, and where its data are."""
    kg: dict[str, object] = {"dataset": task} if task in TRANSDUCTIVE else {}
    if task in INDUCTIVE:
        folder = shared / "data" / "kg" / "inductive"
        kg = {"graph": folder / task, "inductive": folder / f"{task}_ind", "hops": 3}
    if task == "clutrr":
        kg = {"clutrr": shared / "data" / "kg" / "clutrr"}
    return load_config(None, [], domain="kg", seed=seed, root=root, kg=kg, **more)


def train_ours(config: Config) -> Figures:
    """Trains and evaluates as the command line does."""
    result = pipeline.train(config, quiet=True)
    if result.interrupted:
        raise KeyboardInterrupt  # half of a training is no result
    began = time.perf_counter()
    figures = pipeline.evaluate(result.run, quiet=True).figures
    told = {key: figures[key] for key in KEPT if key in figures}
    for key in ("by_length", "ranking", "protocol"):
        if key in figures:
            told[key] = figures[key]
    return {**told, "train_seconds": result.seconds, "evaluate_seconds": round(time.perf_counter() - began, 1)}


def flat(config: Config) -> Figures:
    """The flat network, without a ranker."""
    kg = config.kg.model_copy(update={"ranking": False})
    return train_ours(config.model_copy(update={"model": "flat", "kg": kg}))


def degrees(config: Config) -> Figures:
    """Boosting on the asked relation and the degrees of head and tail, their products and differences."""
    graphs = pipeline.load_graphs(config, quiet=True)
    values, labels = query_features(graphs)[TOGETHER].values, graphs.labels
    train, test = (graphs.splits == code for code in (0, 2))
    predicted = boost(values[train], labels[train], values[test], seed=config.seed)
    return {"accuracy": float((predicted == labels[test]).mean()), "samples": int(test.sum())}


def embedding(name: str) -> Callable[[Config], Figures]:
    """DistMult or ComplEx as PyTorch Geometric has it."""

    def evaluate(config: Config) -> Figures:
        graphs = pipeline.load_graphs(config, quiet=True)
        scores, figures = evaluate_embedding(name, config, graphs)
        labels, splits = graphs.labels, graphs.splits
        val, test = splits == 1, splits == 2
        cuts = np.unique(scores[val])
        best = cuts[np.argmax([((scores[val] >= cut) == labels[val]).mean() for cut in cuts])]
        logits = np.stack([np.zeros(test.sum()), scores[test]], axis=1)
        accuracy = float(((scores[test] >= best) == labels[test]).mean())
        return {"accuracy": accuracy, "average_precision": average_precision(logits, labels[test]), **figures}

    return evaluate


MODELS: dict[str, Callable[[Config], Figures]] = {
    "ours": train_ours,
    "flat": flat,
    "degree probe": degrees,
    "DistMult": embedding("DistMult"),
    "ComplEx": embedding("ComplEx"),
}


def applies(task: str, model: str) -> bool:
    """Embeddings know no new entities, and stories have neither degrees nor a graph to embed."""
    if task == "clutrr":
        return model in ("ours", "flat")
    return task in TRANSDUCTIVE or model not in ("DistMult", "ComplEx")


def run(task: str, model: str, seed: int, shared: Path, cache: Path) -> None:
    """Makes one result, unless it is there."""
    file = RESULTS / "kg" / f"{task}_{model.replace(' ', '_')}_{seed}.json"
    if file.exists() or not applies(task, model):
        return
    print(f"{task}, {model}, seed {seed}", flush=True)
    began, used = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as root:
        figures = MODELS[model](settings(task, seed, Path(root), shared, cache=cache))
    times = {"seconds": round(time.perf_counter() - began, 1), "processor": round(time.process_time() - used, 1)}
    file.parent.mkdir(parents=True, exist_ok=True)
    told = {"task": task, "model": model, "seed": seed, **figures, **times}
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def collect() -> list[Figures]:
    """All results, in the order of the tables."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted((RESULTS / "kg").glob("*.json"))]
    order = list(MODELS)
    return sorted(found, key=lambda f: (TASKS.index(f["task"]), order.index(f["model"]), f["seed"]))


def summarise(found: list[Figures]) -> list[Figures]:
    """One row for each task and model: mean, lowest and highest of each figure."""
    rows: list[Figures] = []
    for task, model in dict.fromkeys((f["task"], f["model"]) for f in found):
        runs = [f for f in found if (f["task"], f["model"]) == (task, model)]
        row: Figures = {"task": task, "model": model, "seeds": [f["seed"] for f in runs]}
        for metric in (*METRICS, "train_seconds", "evaluate_seconds", "processor"):
            values = [f[metric] for f in runs if f.get(metric) is not None]
            if values:
                spread = {"mean": statistics.mean(values), "low": min(values), "high": max(values)}
                row[metric] = {**spread, "seeds": len(values)}
        rows.append(row)
    return rows


def markdown(found: list[Figures], rows: list[Figures]) -> str:
    """The tables, with the command that made them."""
    lines = [
        "# Knowledge graphs: results",
        "",
        "Made by `python benchmarks/kg.py`; mean over seeds (lowest to highest). 'ours' is the hierarchy for true and",
        "false facts and the link scorer for ranks; the flat network has no ranker. The degree probe boosts the asked",
        "relation, the degrees of head and tail, their products and differences. Where accuracy is of fewer seeds, its",
        "samples have changed since the others; ranks come from the graph alone and have not.",
    ]
    lines += ["", *listed(circumstances(("torch", "torch-geometric", "pykeen")))]
    for task in dict.fromkeys(row["task"] for row in rows if row["task"] != "clutrr"):
        protocol = "all entities" if task in TRANSDUCTIVE else "50 sampled negatives"
        lines += [
            "",
            f"## {task}",
            "",
            f"Filtered, realistic ranks against {protocol}, both directions.",
            _sizes(found, task),
        ]
        lines += ["", _command(task), ""]
        lines += ["| model | seeds | accuracy | AUC-PR | MRR | Hits@10 |", "|---|---|---|---|---|---|"]
        lines += ["| majority | | 50.0 | 50.0 | | |"]
        for row in rows:
            if row["task"] == task:
                cells = [_cell(row.get(metric), len(row["seeds"])) for metric in METRICS]
                lines.append(f"| {row['model']} | {len(row['seeds'])} | {' | '.join(cells)} |")
        for name, figures in RANKING.get(task, {}).items():
            lines.append(f"| {name}, as published | | | | | {100 * figures['hits_at_10']:.1f} |")
    return "\n".join([*lines, *_stories(found)]) + "\n"


def _command(task: str) -> str:
    """How one row of ours is made by hand, where the data lie in the current folder."""
    options = COMMANDS[task].format(task=task)
    by_hand = f"`nsm train kg {options} --seed 0 --run {task}`, `nsm evaluate {task}`"
    return f"{by_hand} (flat: `--model flat --set kg.ranking=false`)"


def _sizes(found: list[Figures], task: str) -> str:
    """How many facts are judged, and how long ours took at most."""
    of = [f for f in found if f["task"] == task]
    samples = sorted({f["samples"] for f in of if "samples" in f})
    told = f"Accuracy and AUC-PR: {' or '.join(f'{count:,}' for count in samples)} test facts, half of them false."
    used = [f["processor"] for f in of if f["model"] == "ours" and "processor" in f]
    return f"{told} Ours took at most {max(used) / 60:.1f} min of one core, from data to ranks." if used else told


def _cell(figure: dict[str, float] | None, seeds: int) -> str:
    """Mean and range; with the number of seeds where it is not that of the row."""
    if figure is None:
        return ""
    mean, low, high = (100 * figure[name] for name in ("mean", "low", "high"))
    told = f"{mean:.1f}" if low == high else f"{mean:.1f} ({low:.1f} to {high:.1f})"
    return told if figure["seeds"] == seeds else f"{told}, of {figure['seeds']:.0f} seed{'s' * (figure['seeds'] > 1)}"


def _stories(found: list[Figures]) -> list[str]:
    """Accuracy on CLUTRR by the number of facts."""
    runs = [f for f in found if f["task"] == "clutrr"]
    if not runs:
        return []
    lengths = sorted({length for f in runs for length in f["by_length"]}, key=int)
    lines = ["", "## CLUTRR", "", "Trained on stories of 2 to 4 facts; accuracy by the number of facts.", ""]
    lines += [_command("clutrr"), ""]
    lines += [f"| model | seeds | {' | '.join(lengths)} |", "|---|---|" + "---|" * len(lengths)]
    for model in dict.fromkeys(f["model"] for f in runs):
        of = [f for f in runs if f["model"] == model]
        cells = [f"{100 * statistics.mean(f['by_length'][n]['accuracy'] for f in of):.1f}" for n in lengths]
        lines.append(f"| {model} | {len(of)} | {' | '.join(cells)} |")
    samples = [str(runs[0]["by_length"][length]["samples"]) for length in lengths]
    published = [f"{100 * CTP[length]:.1f}" if length in CTP else "" for length in lengths]
    return [*lines, f"| CTP, as published | | {' | '.join(published)} |", f"| test stories | | {' | '.join(samples)} |"]


def main() -> None:
    """Makes what is missing, then the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--table", action="store_true", help="make no new results")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        for seed in [] if chosen.table else chosen.seeds:
            for task in chosen.tasks:
                if task not in TRANSDUCTIVE and not chosen.shared.is_dir():
                    print(f"{task} is left out: there is no folder {chosen.shared}", file=sys.stderr)
                    continue
                for model in chosen.models:
                    run(task, model, seed, chosen.shared, Path(cache))
    found = collect()
    rows = summarise(found)
    (RESULTS / "kg.json").write_text(json.dumps({"rows": rows, "runs": found}, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "kg.md").write_text(markdown(found, rows), encoding="utf-8")
    print((RESULTS / "kg.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
