"""From a configuration to audited graphs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from nsm.analysis.description import mean_known_ceiling
from nsm.config import Config
from nsm.data.audit import AuditResult
from nsm.data.audit import audit as audit_graphs
from nsm.data.build import Progress, build_dataset, dataset_folder
from nsm.data.packed import PackedGraphs
from nsm.errors import DataError
from nsm.pipeline.domains import open_task
from nsm.runs import ensure_writable, resolve_root, write_json
from nsm.training.progress import PartsBar

if TYPE_CHECKING:
    from nsm.data.triples import Sample, Schema

__all__ = [
    "ShownGraph",
    "audit",
    "default_dataset_name",
    "load_graphs",
    "open_cached",
    "read_audit",
    "require_honest",
    "shortfall",
    "show",
]


def load_graphs(config: Config, *, progress: Progress | None = None, quiet: bool = False) -> PackedGraphs:
    """All graphs of the configured data set, built first where they are not in the cache.

    Args:
        config: What data, and where it is kept.
        progress: Told how many pieces of how many are finished, and of what work; a bar by default.
        quiet: Whether to show no bar.

    Raises:
        RunError: If the root cannot be written.
        DataError: If the user's files are malformed.
    """
    task = open_task(config)
    if task.folder is not None:
        return PackedGraphs.open(task.folder)
    assert task.source is not None, "a domain brings a source or a folder"
    cache = _cache(config)
    ensure_writable(cache, named_by="--set cache=FOLDER, $NSM_CACHE or --root")
    with PartsBar("building data", Console(stderr=True, quiet=quiet)) as bar:
        graphs = build_dataset(task.source, cache, workers=config.workers, progress=progress or bar, seed=config.seed)
    if told := shortfall(graphs):
        Console(stderr=True, quiet=quiet).print(told, highlight=False, soft_wrap=True)
    return graphs


def shortfall(graphs: PackedGraphs) -> str | None:
    """Says how many graphs there are and why, where there are fewer than its source was asked for."""
    asked, dropped = graphs.meta["source"].get("graphs"), sum(graphs.meta["dropped"].values())
    if asked is None or len(graphs) >= asked:
        return None
    counts = {"could not be made": asked - len(graphs) - dropped, "left out, since others equal them": dropped}
    reasons = "; ".join(f"{count:,} {reason}" for reason, count in counts.items() if count)
    return f"{len(graphs):,} of {asked:,} graphs: {reasons}"


def open_cached(config: Config, name: str) -> PackedGraphs | None:
    """The data set of that name in the cache, whatever made it; None where it is missing or damaged."""
    try:
        return PackedGraphs.open(_cache(config) / name)
    except DataError:
        return None


def default_dataset_name(domain: str) -> str | None:
    """Name of the folder of a domain's default data set in the cache; None where the user brings the data."""
    if domain == "own":
        return None
    config = Config.model_validate({"domain": domain})
    try:
        source = open_task(config).source
    except DataError:  # the default data come with an extra that is not installed
        return None
    return None if source is None else dataset_folder(source, Path(), config.seed).name


def _cache(config: Config) -> Path:
    """Where built data is kept: as configured, else ``$NSM_CACHE``, else ``data`` below the root."""
    named = os.environ.get("NSM_CACHE")
    cache = config.cache or (Path(named) if named else resolve_root(config.root) / "data")
    return cache.expanduser()


def audit(config: Config, *, quiet: bool = False) -> AuditResult:
    """Audits the configured data set, and keeps the result beside it.

    Raises:
        DataError: If the user's files are malformed.
    """
    return _audit(load_graphs(config, quiet=quiet), config, quiet=quiet)


def _audit(graphs: PackedGraphs, config: Config, *, quiet: bool) -> AuditResult:
    console = Console(stderr=True, quiet=quiet)
    console.print(f"auditing {len(graphs):,} graphs", highlight=False)
    task = open_task(config)
    result = audit_graphs(
        graphs,
        confirm=task.confirm,
        local_probes=task.local_probes,
        features=task.features,
        reported=task.reported,
        shared_entities=task.shared_entities,
        ceiling=mean_known_ceiling(graphs),
        seed=config.seed,
    )
    write_json(_audit_file(graphs), result.to_json())
    return result


def _audit_file(graphs: PackedGraphs) -> Path:
    return graphs.folder.with_name(f"{graphs.folder.name}.audit.json")


def read_audit(graphs: PackedGraphs) -> dict[str, Any] | None:
    """What the last audit of exactly these graphs found, as JSON; None where there was none."""
    try:
        found = json.loads(_audit_file(graphs).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_current = isinstance(found, dict) and found.get("fingerprint") == graphs.fingerprint
    return found if is_current else None


def require_honest(graphs: PackedGraphs, config: Config, *, quiet: bool = False) -> None:
    """Refuses data that fails its audit, which is made where there is none yet.

    Raises:
        DataError: If the audit fails and ``allow_leaks`` is off.
    """
    console = Console(stderr=True, quiet=quiet)
    if config.domain_table.allow_leaks:
        console.print("audit: skipped, since leaks are allowed; accuracies may mean nothing", highlight=False)
        return
    found = read_audit(graphs) or _audit(graphs, config, quiet=quiet).to_json()
    reasons = "; ".join(found["reasons"])
    if found["verdict"] == "fail":
        hint = "mend the data, or train all the same with --allow-leaks"
        raise DataError(f"the audit fails: {reasons}", file=graphs.folder, hint=hint)
    console.print(f"audit: {found['verdict']}; {reasons}", highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class ShownGraph:
    """One graph to read and to look at.

    Attributes:
        index: Its number in the data set.
        sample: The graph.
        schema: Vocabularies of the data set.
        picture: PNG file of it.
    """

    index: int
    sample: Sample
    schema: Schema
    picture: Path

    def to_json(self) -> dict[str, Any]:
        """The graph as plain values, its triples by name."""
        sample, evidence = self.sample, set(self.sample.evidence_triples)
        triples = [
            {**vars(triple), "evidence": number in evidence}
            for number, triple in enumerate(sample.triples(self.schema))
        ]
        return {
            "index": self.index,
            "label": self.schema.labels[sample.label],
            "group": sample.group,
            "info": sample.info,
            "nodes": sample.names,
            "triples": triples,
            "evidence_nodes": [sample.names[node] for node in sample.evidence_nodes],
            "picture": str(self.picture),
        }

    def to_text(self) -> str:
        """The graph as lines: what it is, its triples with the evidence marked, where its picture is."""
        from nsm.analysis.drawing import readable_triples

        sample = self.sample
        facts = ", ".join(f"{name} {value}" for name, value in sample.info.items())
        head = f"graph {self.index}: {self.schema.labels[sample.label]} ({facts})"
        return "\n".join([head, *readable_triples(sample, self.schema), f"picture: {self.picture}", ""])


def show(
    config: Config, *, count: int = 3, split: str = "train", folder: Path | None = None, quiet: bool = False
) -> list[ShownGraph]:
    """Draws some graphs of a split, the labels in turn, from all over the split.

    Args:
        config: What data.
        count: How many graphs.
        split: ``train``, ``val`` or ``test``.
        folder: Where the pictures go; ``<root>/<domain>/graphs`` by default.
        quiet: Whether to show no progress.

    Raises:
        RunError: If the folder cannot be written.
    """
    from nsm.analysis.drawing import draw_sample
    from nsm.analysis.plots import save_figures

    graphs = load_graphs(config, quiet=quiet).subset(split)
    folder = folder or resolve_root(config.root) / config.domain / "graphs"
    ensure_writable(folder)
    shown = []
    for position in _spread(graphs.labels, count):
        index, sample = int(graphs.indices[position]), graphs.sample(position)
        figure = draw_sample(sample, graphs.schema, f"Graph {index}: {graphs.schema.labels[sample.label]}")
        picture = save_figures({f"graph_{index}": figure}, folder)[0]
        shown.append(ShownGraph(index, sample, graphs.schema, picture))
    return shown


def _spread(labels: np.ndarray[Any, np.dtype[np.int64]], count: int) -> list[int]:
    """Positions of ``count`` graphs at equal distances, with the labels in turn."""
    by_label = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    count, chosen = min(count, len(labels)), []
    for number in range(count):
        members = by_label[number % len(by_label)]
        chosen.append(int(members[len(members) * number // count]))
    return list(dict.fromkeys(chosen))
