"""A user's tables as a source of graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.own.columns import require_columns
from nsm.data.own.files import TableFile, open_table
from nsm.data.own.graph_table import GRAPH_COLUMNS, GraphColumns, read_graphs
from nsm.data.own.node_table import NODE_COLUMNS, NodeColumns, read_nodes
from nsm.data.own.triple_table import TripleTable, read_triples
from nsm.data.packing import offsets
from nsm.data.triples import Sample, Schema
from nsm.errors import DataError

__all__ = ["TableSource", "open_tables"]

TRIPLE_COLUMNS = ("graph", "head", "relation", "tail")
SHARD_SIZE = 200_000  # nodes and triples of a shard, about; a graph is never divided


@dataclass(frozen=True)
class TableSource:
    """Makes the samples of a user's tables; the order of their rows changes nothing.

    Args:
        name: Name of the data set.
        files: The tables, by purpose: ``triples``, ``labels``, ``nodes``.
        table: The triples as ids.
        about: What is told of each graph.
        nodes: What is told of each node.
        ignored: Columns that mean nothing here, by purpose of their file.
        inductive: Whether the audit fails where a node's name is in two splits.
    """

    name: str
    files: dict[str, TableFile]
    table: TripleTable
    about: GraphColumns
    nodes: NodeColumns
    ignored: dict[str, list[str]]
    inductive: bool = False

    split_shares = (0.7, 0.1, 0.2)

    @cached_property
    def schema(self) -> Schema:
        """The vocabularies, each in sorted order."""
        return Schema(
            domain=self.name,
            node_types=tuple(self.nodes.types),
            roles=("none",),
            relations=tuple(self.table.relations),
            labels=tuple(self.about.labels),
            values=tuple(self.nodes.values),
            order_channels=0,
        )

    def key(self) -> dict[str, object]:
        """The content of the files, wherever they are; and the scale of the features, to be read back."""
        hashes = {name: file.digest() for name, file in self.files.items()}
        return {"source": "tables", "files": hashes, "scales": self.nodes.scales, "inductive": self.inductive}

    def shards(self) -> Sequence[range]:
        """Consecutive graphs, as many as make a shard of about equal size."""
        load = self._edge_ptr[1:] + self._node_ptr[1:]
        begins = np.flatnonzero(np.diff(load // SHARD_SIZE, prepend=-1))
        bounds = [*begins.tolist(), len(load)]
        return [range(start, stop) for start, stop in pairwise(bounds)]

    def make(self, shard: range) -> list[Sample]:
        """The graphs of a shard."""
        return [self._sample(graph) for graph in shard]

    def _sample(self, graph: int) -> Sample:
        nodes = slice(*self._node_ptr[graph : graph + 2].tolist())
        edges = slice(*self._edge_ptr[graph : graph + 2].tolist())
        count = nodes.stop - nodes.start
        info: dict[str, str | int | float] = {"graph": self.table.graphs[graph]}
        info |= {name: column[graph] for name, column in self.about.others.items() if name != "group"}
        groups = self.about.others.get("group", self.table.graphs)
        return Sample(
            node_type=self.nodes.node_type[nodes],
            role=np.zeros(count, np.int64),
            order=np.full(count, -1, np.int64),
            value=self.nodes.value[nodes],
            label=int(self.about.label[graph]),
            group=groups[graph],
            names=self._names[nodes],
            info=info,
            **{name: column[edges] for name, column in self._edges.items()},
        )

    @cached_property
    def _node_ptr(self) -> npt.NDArray[np.int64]:
        return self.table.node_ptr()

    @cached_property
    def _edge_ptr(self) -> npt.NDArray[np.int64]:
        return offsets(np.bincount(self.table.graph, minlength=len(self.table.graphs)))

    @cached_property
    def _names(self) -> list[str]:
        return self.table.node_names()

    @cached_property
    def _edges(self) -> dict[str, Any]:
        """The columns of the triples, graph after graph and sorted in each; nodes by their ids within the graph."""
        table = self.table
        head, tail = table.ends - self._node_ptr[table.graph]
        columns = {
            "head": head,
            "relation": table.relation,
            "tail": tail,
            "confidence": table.optional_numbers("confidence", 0, 1).astype(np.float32),
            "level": table.optional_numbers("level", 1, 255, is_whole=True).astype(np.uint8),
        }
        keys = ("level", "confidence", "head", "tail", "relation")  # the last one counts most
        order = np.lexsort((*(columns[name] for name in keys), table.graph))
        return {name: column[order] for name, column in columns.items()}


def open_tables(
    triples: Path,
    labels: Path | None = None,
    nodes: Path | None = None,
    *,
    name: str = "own",
    inductive: bool = False,
) -> TableSource:
    """Reads and checks a user's tables; ``docs/own_data.md`` describes their columns.

    Args:
        triples: A row per triple.
        labels: A row per graph; without it the labels are a column of ``triples``.
        nodes: A row per node.
        name: Name of the data set.
        inductive: Whether the audit is to fail where a node's name is in two splits.

    Raises:
        DataError: At the first mistake, with file, line, what was expected and what came.
    """
    paths = {"triples": triples, "labels": labels, "nodes": nodes}
    files = {purpose: open_table(path) for purpose, path in paths.items() if path is not None}
    ignored = _check_columns(files)
    table = read_triples(files["triples"])
    about = read_graphs(files.get("labels", files["triples"]), table)
    source = TableSource(name, files, table, about, read_nodes(files.get("nodes"), table), ignored, inductive)
    try:
        source.schema, source._edges  # noqa: B018 - what is wrong is told before anything is built
    except DataError as error:
        raise error if error.file else DataError(error.message, file=triples, hint=error.hint) from error
    return source


def _check_columns(files: dict[str, TableFile]) -> dict[str, list[str]]:
    """Refuses wrong headers; gives the columns that mean nothing, by purpose of their file."""
    triples, optional = files["triples"], ("confidence", "level")
    ignored = {}
    if "labels" in files:
        ignored["triples"] = require_columns(triples, TRIPLE_COLUMNS, optional)
        ignored["labels"] = require_columns(files["labels"], ("graph", "label"), GRAPH_COLUMNS[1:])
        twice = [name for name in GRAPH_COLUMNS if name in triples.columns]
        if twice:
            message = f"expected no column {twice[0]!r} beside a table of labels"
            hint = f"leave it out; {files['labels'].path.name} tells it"
            raise DataError(message, file=triples.path, line=triples.header_line, hint=hint)
    else:
        ignored["triples"] = require_columns(triples, (*TRIPLE_COLUMNS, "label"), (*optional, *GRAPH_COLUMNS[1:]))
    if "nodes" in files:
        require_columns(files["nodes"], NODE_COLUMNS[:2], NODE_COLUMNS[2:])  # the others are features
    return {purpose: names for purpose, names in ignored.items() if names}
