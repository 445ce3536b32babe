"""The graphs that say most about a model: its surest mistakes, and those that it is least sure of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nsm.analysis.metrics import softmax
from nsm.analysis.report import Example, example_of
from nsm.analysis.tables import Table

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["draw_judgements", "most_uncertain", "worst_mistakes"]

Array = npt.NDArray[Any]


def worst_mistakes(
    graphs: PackedGraphs,
    logits: Array,
    count: int = 10,
    *,
    label: str | None = None,
    where: Mapping[str, Any] | None = None,
) -> Table:
    """Wrong predictions, the surest first.

    Args:
        graphs: The evaluated graphs.
        logits: What the model said of them, ``(G, K)``.
        count: How many at most.
        label: Only graphs whose true class has this name.
        where: Only graphs with these values in the data set's table, such as ``{"family": "grid"}``.

    Raises:
        ValueError: If there is no such class or column.
    """
    probabilities = softmax(logits)
    wrong = np.flatnonzero((probabilities.argmax(axis=1) != graphs.labels) & _is_wanted(graphs, label, where))
    order = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:count]
    return _table(graphs, probabilities, order, f"Surest mistakes: {len(order)} of {len(wrong):,}")


def most_uncertain(
    graphs: PackedGraphs,
    logits: Array,
    count: int = 10,
    *,
    label: str | None = None,
    where: Mapping[str, Any] | None = None,
) -> Table:
    """The graphs whose two most likely classes are nearest to each other, right or wrong.

    The arguments are those of :func:`worst_mistakes`.
    """
    probabilities = softmax(logits)
    wanted = np.flatnonzero(_is_wanted(graphs, label, where))
    highest = np.sort(probabilities[wanted], axis=1)
    order = wanted[np.argsort(highest[:, -1] - highest[:, -2], kind="stable")][:count]
    return _table(graphs, probabilities, order, f"Least certain: {len(order)} of {len(wanted):,}")


def draw_judgements(graphs: PackedGraphs, logits: Array, table: Table) -> list[Example]:
    """Draws the graphs of a table of :func:`worst_mistakes` or :func:`most_uncertain`, with their evidence.

    Args:
        graphs: The evaluated graphs, as given to the function that made the table.
        logits: What the model said of them.
        table: Which ones to draw.
    """
    probabilities = softmax(logits)
    examples = []
    for position in table.column("position"):
        predicted, confidence = int(probabilities[position].argmax()), float(probabilities[position].max())
        sample = graphs.sample(position)
        title = f"Graph {position}: {'right' if predicted == sample.label else 'a mistake'}"
        examples.append(example_of(title, sample, graphs.schema, predicted, confidence))
    return examples


def _is_wanted(graphs: PackedGraphs, label: str | None, where: Mapping[str, Any] | None) -> Array:
    """Which graphs have the class and the values that are asked for."""
    wanted = np.ones(len(graphs), dtype=bool)
    if label is not None:
        if label not in graphs.schema.labels:
            raise ValueError(f"there is no class {label!r}, only {', '.join(graphs.schema.labels)}")
        wanted &= graphs.labels == graphs.schema.labels.index(label)
    for name, value in (where or {}).items():
        if name not in graphs.table.column_names:
            raise ValueError(f"there is no column {name!r}, only {', '.join(graphs.table.column_names)}")
        wanted &= np.array([found == value for found in graphs.table[name].to_pylist()], dtype=bool)
    return wanted


def _table(graphs: PackedGraphs, probabilities: Array, order: Array, title: str) -> Table:
    """One row for each chosen graph, with its place among ``graphs`` and the columns of the data set."""
    named = [name for name in graphs.table.column_names if name not in ("group", "split", "pair")]
    columns = [graphs.table[name].to_pylist() for name in named]
    labels = graphs.schema.labels
    rows = [
        (
            position,
            labels[int(graphs.labels[position])],
            labels[int(probabilities[position].argmax())],
            float(probabilities[position].max()),
            *(column[position] for column in columns),
        )
        for position in order.tolist()
    ]
    return Table(("position", "true", "predicted", "confidence", *named), rows, title, {"confidence": ".1%"})
