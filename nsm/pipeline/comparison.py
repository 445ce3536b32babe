"""From names of runs, domains and folders to a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nsm.analysis.comparison import Comparison, compare_results
from nsm.analysis.comparison_page import comparison_figure
from nsm.analysis.comparison_page import write_comparison as write_page
from nsm.analysis.run_results import read_result
from nsm.data.writing import SPLITS
from nsm.errors import RunError
from nsm.pipeline.domains import TASKS
from nsm.runs import Run, find_run, list_runs, replacing, resolve_root

__all__ = ["compare", "write_comparison"]

PICTURES = (".png", ".svg", ".pdf")
BUILT_IN = ("planning", "causal", "kg")  # domains whose data need nothing from the user


def compare(
    targets: Sequence[str | Path] = (),
    *,
    root: Path | None = None,
    metrics: Sequence[str] = ("accuracy",),
    split: str = "test",
) -> Comparison:
    """Compares runs across domains, models and seeds; nothing is trained or evaluated.

    Args:
        targets: Runs (a folder, a name, or the beginning of one), domains, or folders that hold runs; all runs below
            the root if empty.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.
        metrics: Figures of an evaluation that are one number, such as ``accuracy`` or ``auc``.
        split: The split that the runs were evaluated on, or the name of other data.

    Raises:
        RunError: If a run is not there, or the results of one that was named are damaged; other runs with damaged
            results are left out.
        DataError: If no run has one of the metrics.
    """
    home = resolve_root(root)
    named: set[Path] = set()
    runs: dict[Path, Run] = {}
    left_out = []
    for target in targets or BUILT_IN:
        found = _runs_of(target, home)
        runs |= {run.folder.resolve(): run for run in found}
        if _is_one_run(target):
            named |= {run.folder.resolve() for run in found}
        if not found:
            name = str(target)
            hint = f"nsm train {name}" if name in BUILT_IN else "give a folder that holds runs"
            left_out.append(f"{name}: there is no run in {home if name in TASKS else name}; {hint}")
    if not targets:
        runs |= {run.folder.resolve(): run for run in list_runs(home)}
    results = []
    for folder, run in runs.items():
        try:
            result = read_result(run, split)
        except RunError as error:
            if folder in named:
                raise
            left_out.append(f"{run.name}: {error}")
            continue
        if result is None:
            how = f" --split {split}" if split in SPLITS else f" --set ... --name {split}"
            command = f"nsm evaluate {run.folder}" + ("" if split == "test" else how)
            left_out.append(f"{run.name}: there is no evaluation yet; {command}")
        else:
            results.append(result)
    return compare_results(results, metrics, left_out=left_out)


def write_comparison(comparison: Comparison, *, html: Path | None = None, figure: Path | None = None) -> list[Path]:
    """Writes a comparison as a page, as a chart, or both; returns what was written.

    Raises:
        RunError: If the chart has nothing to show, or its file is of a kind that cannot be written.
    """
    written = []
    if figure is not None:
        if figure.suffix not in PICTURES:
            raise RunError(f"expected a file that ends in {', '.join(PICTURES)}", file=figure)
        if not comparison.rows:
            raise RunError("there is nothing to draw", file=figure, hint="; ".join(comparison.left_out) or None)
        figure.parent.mkdir(parents=True, exist_ok=True)
        with replacing(figure) as temporary:
            comparison_figure(comparison).savefig(temporary, format=figure.suffix[1:])
        written.append(figure)
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        write_page(comparison, html)
        written.append(html)
    return written


def _is_one_run(target: str | Path) -> bool:
    """Whether it names a run rather than a domain or a folder of runs."""
    return str(target) not in TASKS and (not Path(target).is_dir() or (Path(target) / "config.toml").is_file())


def _runs_of(target: str | Path, root: Path) -> list[Run]:
    """The runs of a domain below the root, those in a folder, or the one of that name."""
    if str(target) in TASKS:
        return [run for run in list_runs(root) if run.folder.parents[1].name == str(target)]
    if not _is_one_run(target):
        folder = Path(target)
        configs = sorted({*folder.glob("*/config.toml"), *folder.glob("runs/*/config.toml")})
        return list_runs(folder) or [Run(config.parent) for config in configs]
    return [find_run(target, root)]
