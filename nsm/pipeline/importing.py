"""From a user's tables to a folder of packed graphs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from nsm.data.build import build_folder
from nsm.data.own.source import open_tables
from nsm.data.packed import PackedGraphs
from nsm.data.writing import SPLITS
from nsm.errors import ConfigError
from nsm.runs import ensure_writable, resolve_root
from nsm.training.progress import PartsBar

__all__ = ["ImportResult", "import_tables"]

DROPPED = {
    "duplicates": "without names they are like another one, with the same label",
    "contradictory": "without names they are like another one, with another label",
}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class ImportResult:
    """What was imported.

    Attributes:
        graphs: All graphs of the folder.
        ignored: Columns that mean nothing to NSM, by purpose of their table.
    """

    graphs: PackedGraphs
    ignored: dict[str, list[str]]

    def to_json(self) -> dict[str, Any]:
        """Where it is, how much it is, and what was left out."""
        graphs, meta = self.graphs, self.graphs.meta
        counts = np.bincount(graphs.labels, minlength=len(graphs.schema.labels)).tolist()
        return {
            "folder": str(graphs.folder),
            "name": graphs.schema.domain,
            "graphs": meta["counts"]["graphs"],
            "nodes": meta["counts"]["nodes"],
            "triples": meta["counts"]["edges"],
            "relations": len(graphs.schema.relations),
            "labels": dict(zip(graphs.schema.labels, counts, strict=True)),
            "splits": {split: meta["splits"][split] for split in SPLITS},
            "dropped": dict(meta["dropped"]),
            "ignored": self.ignored,
            "fingerprint": graphs.fingerprint,
        }

    def to_text(self) -> str:
        """The same as lines for people."""
        told = self.to_json()
        lines = [f"imported  {told['graphs']:,} graphs, {told['nodes']:,} nodes, {told['triples']:,} triples"]
        lines += [f"{name:<10}{_listed(told[name])}" for name in ("labels", "splits")]
        dropped = {what: told["dropped"][name] for name, what in DROPPED.items() if told["dropped"][name]}
        lines += [f"left out  {count:,} graphs: {what}" for what, count in dropped.items()]
        lines += [
            f"ignored   columns of the {table}: {', '.join(name or 'one without a name' for name in names)}"
            for table, names in self.ignored.items()
        ]
        return "\n".join([*lines, f"folder    {told['folder']}", f"train     nsm train --data {told['folder']}"])


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def import_tables(
    triples: Path,
    *,
    labels: Path | None = None,
    nodes: Path | None = None,
    name: str = "own",
    folder: Path | None = None,
    inductive: bool = False,
    seed: int = 0,
    root: Path | None = None,
    quiet: bool = False,
) -> ImportResult:
    """Imports tables of triples as a data set to train on, audit and look at.

    Args:
        triples: A row per triple: TSV, CSV, JSON Lines or Parquet; ``docs/own_data.md`` describes the columns.
        labels: A row per graph, where the labels are not a column of ``triples``.
        nodes: A row per node: its type and its numeric features.
        name: Name of the data set.
        folder: Where it goes; ``<root>/data/<name>`` by default.
        inductive: Whether no name of a node may stand in two splits; the audit then checks it.
        seed: Seed of the splits.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.
        quiet: Whether to show no progress.

    Raises:
        DataError: At the first mistake in a table, with file, line, what was expected and what came.
        RunError: If nothing can be written there.
    """
    if NAME.fullmatch(name) is None:
        message = f"name: expected letters, digits, '.', '_' and '-', the first no sign, got {name!r}"
        raise ConfigError(message, hint="to choose the folder, use --out")
    source = open_tables(triples, labels, nodes, name=name, inductive=inductive)
    folder = folder or resolve_root(root) / "data" / name
    ensure_writable(folder.parent)
    with PartsBar("importing", Console(stderr=True, quiet=quiet)) as bar:
        graphs = build_folder(source, folder, progress=bar, seed=seed)
    return ImportResult(graphs, source.ignored)
