"""What each part of the hierarchy is worth on planning: levels, relations above, readout, weight of the way back.

    python benchmarks/ablations.py                               # everything that is not there yet, three seeds
    python benchmarks/ablations.py --variants levels-1 top --seeds 2
    python benchmarks/ablations.py --only untyped_2              # repeats one
    python benchmarks/ablations.py --table                       # only the table, from what is there

Each training is one JSON file in ``benchmarks/results/ablations/``; the table is ``ablations.md``. A variant changes
one thing of planning's ``default``, and all are trained for fewer epochs: two minutes a run, so that there are many. A
variant that is the default is not trained again. Channels stay as they are, so the number of parameters differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from asking import guarded, not_negative, refuse
from nsm.config import Config
from paired import TRAINED, difference, read_results, span, told
from quality_sets import MODELS, REFERENCE, TASKS, TUNED, build_config
from trainings import Figures, Place, add_options, evaluate, keep, opening, placed, train, write_table

RESULTS = Path(__file__).parent / "results" / "ablations"
TASK, SETS = "planning", ("test", "longer")
EPOCHS = 8
DEFAULT = "default"

GROUPS: dict[str, dict[str, dict[str, Any]]] = {
    "Levels, with as many blocks in all": {f"levels-{count}": {"num_levels": count} for count in (1, 2, 3, 4)},
    "Relations above the concrete level": {name: {"contraction": name} for name in ("typed", "untyped")},
    "Readout": {
        "dual": {"readout": "dual"},
        "refine-0": {"refine_blocks": 0},
        "top": {"readout": "top", "refine_blocks": 0},
    },
    "Weight of the reconstruction": {
        f"cycle-{weight}": {"cycle_weight": weight} for weight in (0, 0.01, 0.05, 0.1, 0.5)
    },
}
VARIANTS = {DEFAULT: {}, **{name: changes for group in GROUPS.values() for name, changes in group.items()}}

HEAD = f"""# Ablations on planning

Made by `python benchmarks/ablations.py`. Each variant changes one thing of planning's default, two levels whose
weights are averaged. All are trained for {EPOCHS} of 28 epochs, so what takes longer to learn is at a disadvantage.
Accuracy in per cent: mean over the seeds with Student's 95 % interval. Difference: less the default, in points, on the
same graphs and seeds, with the 95 % interval of a bootstrap that draws seeds and whole groups, and (t) Student's over
the seeds. Longer: plans of 48 to 72 steps, where those of the training have 8 to 24. Error: of the reconstruction
without details on the test split. Decoded: the share of node types, roles and orders that a linear probe reads from
that reconstruction. A readout from the top only has no refining blocks, so it is to be read beside `refine-0`. One
level reconstructs nothing. What the default pays for its reconstruction is the difference at `cycle-0`. Channels and
the number of blocks stay as they are, so the number of parameters differs."""


def spread(blocks: int, levels: int) -> tuple[int, ...]:
    """So many blocks on so many levels: one on each above the concrete one, which has the others.

    Example:
        >>> spread(6, 4)
        (3, 1, 1, 1)
    """
    return max(blocks - levels + 1, 1), *(1,) * (levels - 1)


def configured(changes: dict[str, Any], place: Place, **more: object) -> Config:
    """The configuration of a variant."""
    settings = [*TUNED.get((TASK, REFERENCE), ()), *MODELS[REFERENCE], f"epochs={EPOCHS}"]
    blocks = build_config(TASKS[TASK], settings, place).blocks_per_level
    levels = changes.get("num_levels", len(blocks))
    if levels != len(blocks):
        changes = {**changes, "blocks": spread(sum(blocks), levels)}
    return build_config(TASKS[TASK], settings, place, **changes, **more)


def unchanged(place: Place) -> set[str]:
    """The variants that change nothing, the default itself not among them."""
    default = configured({}, place)
    return {name for name, changes in VARIANTS.items() if configured(changes, place) == default} - {DEFAULT}


def run(variant: str, seed: int, place: Place, *, again: bool) -> None:
    """Trains a variant, evaluates it and keeps its figures, unless they are there."""
    name = f"{variant}_{seed}"

    def make() -> Figures:
        run, figures = train(configured(VARIANTS[variant], place, seed=seed, run=name))
        sets = {part: evaluate(run, part, TASKS[TASK].data_of(part, place), place) for part in SETS}
        return {"variant": variant, "seed": seed, **figures, "sets": sets}

    keep(name, make, place, f"python benchmarks/ablations.py --only {name}", again=again)


def named(name: str) -> tuple[str, int]:
    """The variant and the seed of a name.

    Raises:
        SystemExit: If there is none.
    """
    variant, _, seed = name.rpartition("_")
    if variant not in VARIANTS or not seed.isdecimal():
        refuse(f"expected a name such as untyped_2, got {name!r}")
    return variant, int(seed)


def markdown(results: Path, as_default: set[str]) -> str:
    """One table for each group of variants, with the default in its place."""
    found = read_results(results, ("variant", "seed", "sets", *TRAINED), lambda _: SETS)
    base = [f for f in found if f["variant"] == DEFAULT]
    lines = opening(HEAD, found)
    for title, group in GROUPS.items():
        runs = {name: [f for f in found if f["variant"] == name] for name in group if name not in as_default}
        same = [name for name in group if name in as_default]
        rows = [(f"{name} (the default)", base) for name in same] or [("the default", base)]
        rows += runs.items()
        lines += ["", f"## {title}", "", *_table(sorted(rows, key=lambda row: row[0]), base, results / "sets")]
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[tuple[str, list[Figures]]], base: list[Figures], folder: Path) -> list[str]:
    """One group."""
    lines = [
        "| variant | seeds | parameters | test | difference | longer | difference | error | decoded | processor, s |"
    ]
    lines.append("|---|---|---:|---|---|---|---|---:|---|---:|")
    for name, runs in rows:
        if not runs:
            continue
        cells = [name, ", ".join(str(run["seed"]) for run in runs), f"{runs[0]['parameters']:,}"]
        for part in SETS:
            cells.append(span([run["sets"][part]["accuracy"] for run in runs]))
            cells.append("" if runs is base else told(difference(runs, base, part, folder)))
        tests = [run["sets"]["test"] for run in runs]
        errors = [one["reconstruction_abstract"] for one in tests]
        is_back = None not in errors
        cells.append(f"{mean(errors):.3f}" if is_back else "")
        keys = ("node_type", "role", "order") if is_back else ()
        cells.append(", ".join(f"{mean(one['decoded'][key] for one in tests):.1%}" for key in keys))
        cells.append(f"{mean(run['processor_seconds'] for run in runs):.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> int:
    """Trains what is missing, then writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=not_negative, default=(2, 3, 4))
    parser.add_argument("--only", nargs="+", metavar="NAME", help="repeat these, such as untyped_2")
    add_options(parser, RESULTS)
    options = parser.parse_args()
    with placed(parser, options) as place:
        same = unchanged(place)
        asked = [(name, seed) for seed in options.seeds for name in options.variants if name not in same]
        for variant, seed in [] if options.table else map(named, options.only) if options.only else asked:
            run(variant, seed, place, again=options.only is not None)
    write_table(options.results, markdown(options.results, same))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
