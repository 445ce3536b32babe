"""What is told of each graph: its label, its group, its split, its family."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nsm.data.own.columns import Words, first_rows, read_words
from nsm.data.own.files import TableFile
from nsm.data.own.triple_table import TripleTable
from nsm.data.writing import SPLITS

__all__ = ["GRAPH_COLUMNS", "GraphColumns", "read_graphs"]

Index = npt.NDArray[np.int64]

GRAPH_COLUMNS = ("label", "group", "split", "family")
SYNONYMS = {"valid": "val", "validation": "val", "dev": "val", "training": "train"}


@dataclass(frozen=True)
class GraphColumns:
    """A row per graph.

    Args:
        label: Classes, ``(G,)``.
        labels: Names of the classes, sorted.
        others: ``group``, ``split`` and ``family`` of each graph, where they are told.
    """

    label: Index
    labels: list[str]
    others: dict[str, list[str]]


def read_graphs(file: TableFile, table: TripleTable) -> GraphColumns:
    """Reads the columns from a table of labels, or from the triples themselves, where they repeat.

    Args:
        file: The table of labels, or that of the triples.
        table: The triples.

    Raises:
        DataError: If a graph is unknown, has no label or two, a split is unknown, or a group is in two splits.
    """
    is_apart = file is not table.file
    graph = table.find_graphs(file) if is_apart else table.graph
    first = first_rows(graph, len(table.graphs))
    if is_apart:
        _refuse_repeated(file, table, graph, first)
        _refuse_missing(file, table, first)
    found: dict[str, Words] = {}
    for column in GRAPH_COLUMNS:
        if column in file.columns:
            words = read_words(file, column)
            _refuse_changes(file, table, column, words, graph, first)
            found[column] = Words(words.codes[:, first], words.words)
    if "split" in found:
        _check_splits(file, found, first)
    label = found.pop("label")
    others = {name: [words.words[code] for code in words.codes[0].tolist()] for name, words in found.items()}
    return GraphColumns(label.codes[0], label.words, others)


def _refuse_repeated(file: TableFile, table: TripleTable, graph: Index, first: Index) -> None:
    is_repeated = first[graph] != np.arange(len(graph))
    if is_repeated.any():
        row = int(is_repeated.argmax())
        before = file.line(int(first[graph[row]]))
        name = table.graphs[graph[row]]
        file.fail(row, f"the graph {name!r} has a label already, in line {before}", "keep one row per graph")


def _refuse_missing(file: TableFile, table: TripleTable, first: Index) -> None:
    if (first < 0).any():
        row = int(table.first_rows()[first < 0].min())
        name = table.graphs[table.graph[row]]
        table.file.fail(row, f"the graph {name!r} has no label", f"add a row for it to {file.path.name}")


def _refuse_changes(file: TableFile, table: TripleTable, column: str, words: Words, graph: Index, first: Index) -> None:
    """A graph has one label, one group, one split, in all of its rows."""
    codes = words.codes[0]
    differs = codes != codes[first][graph]
    if differs.any():
        row = int(differs.argmax())
        before = int(first[graph[row]])
        what = f"the graph {table.graphs[graph[row]]!r} has the {column} {words.words[codes[before]]!r}"
        message = f"{what} in line {file.line(before)} and {words.words[codes[row]]!r} here"
        file.fail(row, message, f"give all triples of a graph the same {column}")


def _check_splits(file: TableFile, found: dict[str, Words], first: Index) -> None:
    """Splits have the usual names, and no group is in two of them."""
    split = found["split"]
    is_known = np.isin(split.words, SPLITS)[split.codes[0]]
    if not is_known.all():
        row = int(first[~is_known].min())
        name = read_words(file, "split").words[read_words(file, "split").codes[0][row]]
        near = SYNONYMS.get(name.lower())
        hint = "a row may also leave its split empty" if near is None else f"did you mean {near!r}?"
        file.fail(row, f"unknown split: expected {', '.join(map(repr, SPLITS))}, got {name!r}", hint)
    if "group" not in found:
        return
    group, by_row = found["group"], np.argsort(first)
    leader = by_row[first_rows(group.codes[0][by_row], len(group.words))]  # the group's graph that comes first
    differs = split.codes[0] != split.codes[0][leader[group.codes[0]]]
    if differs.any():
        graph = min(np.flatnonzero(differs).tolist(), key=lambda g: int(first[g]))
        code = group.codes[0][graph]
        before = f"{split.words[split.codes[0][leader[code]]]!r} in line {file.line(int(first[leader[code]]))}"
        here = split.words[split.codes[0][graph]]
        message = f"the group {group.words[code]!r} is in the split {before} and in {here!r} here"
        file.fail(int(first[graph]), message, "keep a whole group in one split")
