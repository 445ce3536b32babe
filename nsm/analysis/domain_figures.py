"""What only one domain has to show of its data: plans, causal questions, facts; or any column of the table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nsm.analysis.charts import histogram, paired_bars, ranked_bars, share_bars

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nsm.analysis.description import Description
    from nsm.data.packed import PackedGraphs

__all__ = ["DOMAIN_FIGURES", "domain_figures"]

Array = npt.NDArray[Any]
Figures = dict[str, "Figure"]

CHUNK = 1024  # graphs looked at together
MAX_CATEGORIES = 12
MAX_COLUMNS = 5
KEYS = ("group", "graph", "pair", "split", "problem")  # columns that only say which graph it is
PATH_COLUMNS = ("path_length", "hops", "distance", "length")


def domain_figures(graphs: PackedGraphs, description: Description, domain: str) -> Figures:
    """What is special to a domain; for one without figures of its own, the columns of the table.

    Args:
        graphs: The data set.
        description: Its counts.
        domain: Name of the domain, as it is configured.
    """
    return DOMAIN_FIGURES.get(domain, _columns)(graphs, description)


def _planning(graphs: PackedGraphs, _: Description) -> Figures:
    """Plan lengths by family, and operators."""
    figures, lengths, family = {}, _column(graphs, "length"), _column(graphs, "family")
    if lengths is not None:
        figures["lengths"] = histogram(lengths, family, "Plan lengths", "steps of the plan")
    operators = _operators(graphs, family)
    if operators:
        figures["operators"] = ranked_bars({"Operators": operators}, "steps of all plans")
    return figures


def _operators(graphs: PackedGraphs, family: Array | None) -> dict[str, int]:
    """How often each operator is a step, the most frequent first."""
    if "step" not in graphs.schema.node_types:
        return {}
    step, names = graphs.schema.node_types.index("step"), graphs.node_names().to_pylist()
    found: Counter[str] = Counter()
    for graph, kinds in enumerate(_node_types(graphs)):
        where = "" if family is None else f"{family[graph]}: "
        found.update(where + _operator(names[graph][node]) for node in np.flatnonzero(kinds == step) if names[graph])
    return dict(found.most_common())


def _operator(step: str) -> str:
    word = re.search(r"[\w-]+", step)
    return step if word is None else word[0]


def _node_types(graphs: PackedGraphs) -> list[Array]:
    """The node types of each graph."""
    found: list[Array] = []
    for start in range(0, len(graphs), CHUNK):
        batch = graphs.batch(np.arange(start, min(start + CHUNK, len(graphs))))
        found += np.split(batch.node_type.numpy(), batch.ptr.numpy()[1:-1])
    return found


def _causal(graphs: PackedGraphs, description: Description) -> Figures:
    """Questions by rung and answer, and sizes of the graphs by rung."""
    figures, rung = {}, _column(graphs, "rung")
    if rung is not None:
        figures["rungs"] = share_bars(_cross(rung, _answers(graphs)), "Answers by rung")
    return figures | {"dags": histogram(description.nodes, rung, "Size of the graphs", "nodes")}


def _kg(graphs: PackedGraphs, _: Description) -> Figures:
    """Cardinalities of the relations, and path lengths where a column tells them."""
    rows = _cardinalities(graphs)
    names = ("tails per head", "heads per tail")
    figures = {}
    if rows:
        figures["cardinalities"] = paired_bars(rows, names, "Cardinality of the relations", "mean over the facts shown")
    for name in PATH_COLUMNS:
        column = _column(graphs, name)
        if column is not None and column.dtype.kind in "iuf" and "paths" not in figures:
            figures["paths"] = histogram(column, _answers(graphs), "Path lengths", name.replace("_", " "))
    return figures


def _cardinalities(graphs: PackedGraphs) -> dict[str, tuple[float, float]]:
    """Mean number of tails of a head, and of heads of a tail, by relation; a fact in several graphs counts once."""
    listed = graphs.node_names().combine_chunks()
    encoded = listed.flatten().dictionary_encode().indices.to_numpy().astype(np.int64)
    if not len(encoded):
        return {}
    parts, start = [], 0
    for first in range(0, len(graphs), CHUNK):
        batch = graphs.batch(np.arange(first, min(first + CHUNK, len(graphs))))
        head, tail = encoded[start + batch.edge_index.numpy()]
        parts.append(np.stack([batch.edge_type.numpy(), head, tail]))
        start += len(batch.node_type)
    facts = np.unique(np.concatenate(parts, axis=1), axis=1)
    rows = {}
    for relation in np.argsort(-np.bincount(facts[0]), kind="stable").tolist():
        _, head, tail = facts[:, facts[0] == relation]
        if len(head):
            tails, heads = len(head) / len(np.unique(head)), len(tail) / len(np.unique(tail))
            rows[graphs.schema.relations[relation]] = (tails, heads)
    return rows


def _columns(graphs: PackedGraphs, _: Description) -> Figures:
    """A figure for each column of numbers or of few categories, five at most."""
    figures: Figures = {}
    for name in graphs.table.column_names:
        column = _column(graphs, name)
        if column is None or name in KEYS or len(figures) == MAX_COLUMNS:
            continue
        if column.dtype.kind in "iuf" and len(np.unique(column)) > 1:
            figures[f"column_{name}"] = histogram(column, _answers(graphs), f"Column {name}", name)
        elif column.dtype.kind == "U" and 2 <= len(np.unique(column)) <= MAX_CATEGORIES:
            figures[f"column_{name}"] = share_bars(_cross(column, _answers(graphs)), f"Labels by {name}")
    return figures


def _column(graphs: PackedGraphs, name: str) -> Array | None:
    """A column of the table as numbers or text; None where it is absent or has gaps."""
    if name not in graphs.table.column_names or graphs.table[name].null_count:
        return None
    return np.array(graphs.table[name].to_pylist())


def _answers(graphs: PackedGraphs) -> Array:
    return np.array(graphs.schema.labels)[graphs.labels]


def _cross(rows: Array, answers: Array) -> dict[str, dict[str, int]]:
    """Graphs by row and answer."""
    names = np.unique(answers).tolist()
    return {
        str(row): {name: int(((rows == row) & (answers == name)).sum()) for name in names}
        for row in np.unique(rows).tolist()
    }


DOMAIN_FIGURES: dict[str, Callable[[PackedGraphs, Description], Figures]] = {
    "planning": _planning,
    "causal": _causal,
    "kg": _kg,
}
"""The figures of each domain that has some of its own."""
