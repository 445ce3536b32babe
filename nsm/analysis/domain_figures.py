"""What only one domain has to show of its data: plans, causal questions, facts; or any column of the table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nsm.analysis.charts import histogram, paired_bars, ranked_bars, share_bars
from nsm.data.kg.samples import ASKED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nsm.analysis.description import Description
    from nsm.data.batch import GraphBatch
    from nsm.data.packed import PackedGraphs

__all__ = ["DOMAIN_FIGURES", "domain_figures"]

Array = npt.NDArray[Any]
Figures = dict[str, "Figure"]

CHUNK = 1024  # graphs looked at together
MAX_CATEGORIES = 12
MAX_COLUMNS = 5
KEYS = ("group", "graph", "pair", "split", "problem")  # columns that only say which graph it is
RUNGS = ("association", "intervention", "counterfactual")
MAX_STEPS = 6  # facts of a path that is looked for


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
    step, names = graphs.schema.node_types.index("step"), graphs.names()
    found: Counter[str] = Counter()
    kinds_of_graphs = (np.split(b.node_type.numpy(), b.ptr.numpy()[1:-1]) for b in _batches(graphs))
    for graph, kinds in enumerate(chain.from_iterable(kinds_of_graphs)):
        where = "" if family is None else f"{family[graph]}: "
        found.update(where + _operator(names[graph][node]) for node in np.flatnonzero(kinds == step) if names[graph])
    return dict(found.most_common())


def _operator(step: str) -> str:
    word = re.search(r"[\w-]+", step)
    return step if word is None else word[0]


def _batches(graphs: PackedGraphs) -> Iterator[GraphBatch]:
    for start in range(0, len(graphs), CHUNK):
        yield graphs.batch(np.arange(start, min(start + CHUNK, len(graphs))))


def _causal(graphs: PackedGraphs, description: Description) -> Figures:
    """Questions by rung and answer, and sizes of the graphs by rung."""
    figures, rung = {}, _column(graphs, "rung")
    if rung is not None:
        figures["rungs"] = share_bars(_cross(rung, _answers(graphs)), "Answers by rung")
    return figures | {"dags": histogram(description.nodes, rung, "Size of the graphs", "nodes")}


def _kg(graphs: PackedGraphs, _: Description) -> Figures:
    """Cardinalities of the relations, and the lengths of paths from head to tail."""
    figures: Figures = {}
    rows = _cardinalities(graphs)
    if rows:
        names = ("tails per head", "heads per tail")
        figures["cardinalities"] = paired_bars(rows, names, "Cardinality of the relations", "mean over the facts shown")
    lengths, name = _column(graphs, "length"), "facts of the story"
    if lengths is None:
        lengths, name = _path_lengths(graphs), f"facts from head to tail (0: none within {MAX_STEPS})"
    if lengths is not None:
        figures["paths"] = histogram(lengths, _answers(graphs), "Path lengths", name)
    return figures


def _path_lengths(graphs: PackedGraphs) -> Array | None:
    """Facts on a shortest path from head to tail, 0 where none is short; None where roles name no head and tail."""
    roles = graphs.schema.roles
    if not {"head", "tail"} <= set(roles):
        return None
    found: list[Array] = []
    for batch in _batches(graphs):
        role, graph = batch.role.numpy(), batch.batch.numpy()
        edges = _facts(batch, graphs)[1:]
        one, other = np.concatenate([edges, edges[::-1]], axis=1)
        is_reached, is_tail = role == roles.index("head"), role == roles.index("tail")
        length = np.zeros(batch.num_graphs, np.int64)
        for step in range(1, MAX_STEPS + 1):
            reached = np.unique(other[is_reached[one]])
            is_reached[reached] = True
            arrived = graph[is_reached & is_tail]
            length[arrived] = np.where(length[arrived] == 0, step, length[arrived])
        found.append(length)
    return np.concatenate(found)


def _facts(batch: GraphBatch, graphs: PackedGraphs) -> Array:
    """Relation, head and tail of each triple but those of the node that is the question itself."""
    facts = np.concatenate([batch.edge_type.numpy()[None], batch.edge_index.numpy()])
    if "query" not in graphs.schema.roles:
        return facts
    is_question = batch.role.numpy() == graphs.schema.roles.index("query")
    return facts[:, ~is_question[facts[1:]].any(axis=0)]


def _cardinalities(graphs: PackedGraphs) -> dict[str, tuple[float, float]]:
    """Mean number of tails of a head, and of heads of a tail, by relation; a fact in several graphs counts once."""
    ids: dict[str, int] = {}
    entity = np.array([ids.setdefault(name, len(ids)) for names in graphs.names() for name in names], np.int64)
    parts, start = [], 0
    for batch in _batches(graphs):
        if start + len(batch.node_type) > len(entity):
            return {}  # without names an entity cannot be recognised in another graph
        relation, head, tail = _facts(batch, graphs)
        parts.append(np.stack([relation, entity[start + head], entity[start + tail]]))
        start += len(batch.node_type)
    facts, rows = np.unique(np.concatenate(parts, axis=1), axis=1), {}
    for relation in np.argsort(-np.bincount(facts[0]), kind="stable").tolist():
        _, head, tail = facts[:, facts[0] == relation]
        if len(head) and graphs.schema.relations[relation] != ASKED:  # which repeats facts of the asked relation
            counts = len(head) / len(np.unique(head)), len(tail) / len(np.unique(tail))
            rows[graphs.schema.relations[relation]] = counts
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
    names, ladder = np.unique(answers).tolist(), {name: step for step, name in enumerate(RUNGS)}
    return {
        str(row): {name: int(((rows == row) & (answers == name)).sum()) for name in names}
        for row in sorted(np.unique(rows).tolist(), key=lambda row: ladder.get(row, 0))
    }


DOMAIN_FIGURES: dict[str, Callable[[PackedGraphs, Description], Figures]] = {
    "planning": _planning,
    "causal": _causal,
    "kg": _kg,
}
"""The figures of each domain that has some of its own."""
