"""Pictures of one graph: nodes in rows by their type, edges coloured by relation, the evidence on top."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from nsm.analysis.plots import COLOURS, new_figure
from nsm.data.triples import Sample, Schema

__all__ = ["draw_sample", "layout", "readable_triples"]

Points = npt.NDArray[np.float64]

ROW_LENGTH = 18  # nodes side by side before a row is split
COLUMN_WIDTH, ROW_HEIGHT = 0.86, 1.6  # inches
LINE_LENGTH = 10  # characters of a label before it is broken
SWEEPS = 8
LEVEL_BEND, LEVEL_SPAN = -0.25, 2.5 * COLUMN_WIDTH  # of edges between nodes of a row that are this far apart
LEGEND_RELATIONS = 14  # the most frequent ones; the legend names no more
EVIDENCE, QUIET = "#D00000", "#C3C8CE"
EDGE_COLOURS = ("blue", "purple", "green", "orange", "sky", "ink", "yellow", "grey")
NODE_COLOURS = ("#FFE3B0", "#E4E8EC", "#CFE6F7", "#D8F0E3", "#F5DCEB", "#F8F3C0")


@dataclass(frozen=True)
class _Row:
    """Nodes of one row, from left to right."""

    nodes: list[int]
    is_ordered: bool


def readable_triples(sample: Sample, schema: Schema) -> list[str]:
    """The triples as lines ``head --relation--> tail``, evidence marked with an asterisk.

    A confidence is written only where it is not 1.
    """
    evidence = set(sample.evidence_triples)
    named = _with_order(sample, schema)
    lines = []
    for number, triple in enumerate(named.triples(schema)):
        strength = "" if triple.confidence == 1.0 else f"  [{triple.confidence:.2f}]"
        mark = "* " if number in evidence else "  "
        lines.append(f"{mark}{triple.head} --{triple.relation}--> {triple.tail}{strength}")
    return lines


def _with_order(sample: Sample, schema: Schema) -> Sample:
    """The sample with the order in front of the names: steps may have one name twice."""
    names = sample.names or [f"{schema.node_types[kind]}_{i}" for i, kind in enumerate(sample.node_type)]
    numbered = [f"{o}:{name}" if o >= 0 else name for o, name in zip(sample.order, names, strict=True)]
    return replace(sample, names=numbered)


def draw_sample(sample: Sample, schema: Schema, title: str = "") -> Figure:
    """Draws one graph with its evidence.

    Nodes of a type that is ordered (the steps of a plan) stand in a row by their order; the other types
    follow below, arranged so that neighbours are near. Nodes and edges of the evidence are red and drawn
    last.

    Args:
        sample: The graph, with names for its nodes.
        schema: Vocabularies of its data set.
        title: Title of the picture.
    """
    positions = layout(sample, schema)
    width = max(10.0, float(np.ptp(positions[:, 0])) + 2 * COLUMN_WIDTH)
    height = float(np.ptp(positions[:, 1])) + _highest_arc(sample, positions) + 2.2
    figure = new_figure(height=height, width=width)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_title(title, fontsize=13, loc="left", color=COLOURS["ink"], fontweight="bold")
    axes.set_xlim(positions[:, 0].min() - COLUMN_WIDTH, positions[:, 0].max() + COLUMN_WIDTH)
    axes.set_ylim(positions[:, 1].min() - 0.6, positions[:, 1].max() + 0.6 + _highest_arc(sample, positions))
    stretch = np.array([width / np.ptp(axes.get_xlim()), height / np.ptp(axes.get_ylim())])
    _draw_edges(axes, sample, schema, positions, stretch)
    _draw_nodes(axes, sample, schema, positions)
    _legend(axes, sample, schema, width)
    return figure


def layout(sample: Sample, schema: Schema) -> Points:
    """Where each node stands, in inches: rows by type, or a circle where all nodes are of one type.

    Shapes:
        - output: ``(N, 2)``.
    """
    if len(np.unique(sample.node_type)) == 1 and (sample.order < 0).all():
        angle = 2 * math.pi * np.arange(sample.num_nodes) / sample.num_nodes
        radius = max(1.5, sample.num_nodes * COLUMN_WIDTH / (2 * math.pi))
        return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    return _place(_rows(sample, schema), sample)


def _rows(sample: Sample, schema: Schema) -> list[_Row]:
    """Ordered nodes first, then each type, the most numerous first; a row that is too long is split."""
    ordered = np.flatnonzero(sample.order >= 0)
    chain = ordered[np.argsort(sample.order[ordered], kind="stable")].tolist()
    size = math.ceil(len(chain) / max(1, math.ceil(len(chain) / ROW_LENGTH)))
    rows = [_Row(chain[i : i + size], True) for i in range(0, len(chain), max(1, size))]
    members = [
        np.flatnonzero((sample.node_type == kind) & (sample.order < 0)).tolist()
        for kind in range(len(schema.node_types))
    ]
    for nodes in sorted(filter(None, members), key=len, reverse=True):
        parts = math.ceil(len(nodes) / ROW_LENGTH)
        rows += [_Row(nodes[i::parts], False) for i in range(parts)]
    return rows


def _place(rows: Sequence[_Row], sample: Sample) -> Points:
    """Sweeps over the rows, each time ordering a free row by the mean place of its nodes' neighbours."""
    span = max(len(row.nodes) for row in rows) * COLUMN_WIDTH
    positions = np.zeros((sample.num_nodes, 2))
    for index, row in enumerate(rows):
        positions[row.nodes, 1] = -ROW_HEIGHT * index
        positions[row.nodes, 0] = _spread(len(row.nodes), span)
    ends = np.concatenate([sample.head, sample.tail])
    others = np.concatenate([sample.tail, sample.head])
    degree = np.maximum(np.bincount(ends, minlength=sample.num_nodes), 1)
    for _ in range(SWEEPS):
        for row in rows:
            if not row.is_ordered:
                centre = np.bincount(ends, positions[others, 0], minlength=sample.num_nodes) / degree
                best = sorted(row.nodes, key=lambda node: (centre[node], node))
                positions[best, 0] = _spread(len(best), span)
    return positions


def _spread(count: int, span: float) -> Points:
    """Evenly spaced places in the middle of the span, wider apart in short rows."""
    step = min(span / count, 2 * COLUMN_WIDTH)
    return np.asarray((np.arange(count) - (count - 1) / 2) * step, dtype=np.float64)


def _edge_colours(sample: Sample, schema: Schema) -> list[str]:
    families = _relation_families(schema)
    return [families[schema.relations[relation]] for relation in sample.relation]


def _relation_families(schema: Schema) -> dict[str, str]:
    """A colour for each relation; numbered ones (``argument_1``, ``argument_2``) share the quiet grey."""
    colours, used = {}, 0
    for name in schema.relations:
        if re.search(r"_\d+$", name):
            colours[name] = QUIET
        else:
            colours[name] = COLOURS[EDGE_COLOURS[used % len(EDGE_COLOURS)]]
            used += 1
    return colours


def _draw_edges(axes: Axes, sample: Sample, schema: Schema, positions: Points, stretch: Points) -> None:
    """Quiet edges first, evidence last; ``stretch`` is how many inches a unit of each axis is about."""
    evidence, colours = set(sample.evidence_triples), _edge_colours(sample, schema)
    labels = [_label(sample, schema, node) for node in range(sample.num_nodes)]
    for number in sorted(range(sample.num_triples), key=lambda n: (n in evidence, n)):
        is_evidence = number in evidence
        is_quiet = colours[number] == QUIET and not is_evidence
        head, tail = int(sample.head[number]), int(sample.tail[number])
        path = _path(positions[[head, tail]], stretch, int(sample.relation[number]), (labels[head], labels[tail]))
        arrow = FancyArrowPatch(
            **path,
            arrowstyle="-" if is_quiet else "-|>",
            mutation_scale=14 if is_evidence else 8,
            color=EVIDENCE if is_evidence else colours[number],
            linewidth=3.6 if is_evidence else 0.6 if is_quiet else 0.9,
            alpha=1.0 if is_evidence else 0.45 if evidence else 0.7,
            zorder=2 if is_evidence else 1,
        )
        axes.add_patch(arrow)
        if is_evidence:  # inside the red the colour of its relation
            core: dict[str, Any] = {"color": colours[number], "linewidth": 1.6, "arrowstyle": "-", "zorder": 2.5}
            axes.add_patch(FancyArrowPatch(**path, **core))


def _path(places: Points, stretch: Points, relation: int, labels: tuple[str, str]) -> dict[str, Any]:
    """From rim to rim: bent a little, so that parallel edges show; a loop stands above its node."""
    start, end = places
    if (start == end).all():
        sideways = np.array([0.22, 0.16])
        return {
            "posA": tuple(start + sideways * [-1, 1]),
            "posB": tuple(start + sideways),
            "connectionstyle": "arc3,rad=-1.4",
        }
    is_level = bool(start[1] == end[1]) and abs(start[0] - end[0]) > LEVEL_SPAN
    bend = LEVEL_BEND if is_level else 0.03 * (relation % 4) - 0.04
    across, up = (end - start) * stretch
    along = np.array([across + 2 * bend * up, up - 2 * bend * across])  # as it leaves the first node
    first, last = (_rim(label, along) for label in labels)
    ends = {"posA": tuple(start), "posB": tuple(end), "shrinkA": first, "shrinkB": last}
    return ends | {"connectionstyle": f"arc3,rad={bend}"}


def _rim(label: str, along: Points) -> float:
    """About how far it is from the middle of a node to its rim in a direction, in points."""
    lines = label.split("\n")
    half = np.array([2.6 * max(map(len, lines)) + 3, 4.6 * len(lines) + 3])
    across, up = np.maximum(np.abs(along) / np.hypot(*along), 1e-9)
    return float(min(half[0] / across, half[1] / up)) + 3  # fonts and the stretch of the axes differ a little


def _highest_arc(sample: Sample, positions: Points) -> float:
    """How far the edges between nodes of the topmost row rise above it, in inches."""
    heads, tails = positions[sample.head], positions[sample.tail]
    is_on_top = (heads[:, 1] == tails[:, 1]) & (heads[:, 1] == positions[:, 1].max())
    spans = np.abs(heads - tails)[is_on_top, 0]
    widest = float(spans.max(initial=0.0))
    return abs(LEVEL_BEND) / 2 * widest if widest > LEVEL_SPAN else 0.0


def _draw_nodes(axes: Axes, sample: Sample, schema: Schema, positions: Points) -> None:
    evidence = set(sample.evidence_nodes)
    for node in range(sample.num_nodes):
        kind = int(sample.node_type[node])
        axes.text(
            positions[node, 0],
            positions[node, 1],
            _label(sample, schema, node),
            ha="center",
            va="center",
            fontsize=8,
            linespacing=0.95,
            color=COLOURS["ink"],
            fontweight="bold" if node in evidence else "normal",
            zorder=3,
            bbox={
                "boxstyle": "round,pad=0.25",
                "facecolor": NODE_COLOURS[kind % len(NODE_COLOURS)],
                "edgecolor": EVIDENCE if node in evidence else "#9AA1A9",
                "linewidth": 2.4 if node in evidence else 0.6,
            },
        )


def _label(sample: Sample, schema: Schema, node: int) -> str:
    """What stands in a node: its number in the order, if it has one, and its name."""
    name = sample.names[node] if sample.names else f"{schema.node_types[int(sample.node_type[node])]} {node}"
    number = f"{sample.order[node]}\n" if sample.order[node] >= 0 else ""
    return number + _broken(name)


def _broken(name: str) -> str:
    """A label in short lines: broken at spaces and brackets, long words at hyphens."""
    lines = [""]
    for word in re.sub(r"[(),]", " ", name).split():
        for piece in re.split(r"(?<=[-_])", word) if len(word) > LINE_LENGTH else [word]:
            glue = "" if lines[-1].endswith(("-", "_")) and word.find(piece) > 0 else " "
            if lines[-1] and len(lines[-1]) + len(piece) + 1 > LINE_LENGTH:
                lines.append(piece)
            else:
                lines[-1] = f"{lines[-1]}{glue}{piece}" if lines[-1] else piece
    return "\n".join(lines)


def _legend(axes: Axes, sample: Sample, schema: Schema, width: float) -> None:
    """Relations, the most frequent ones, evidence and node types, in columns that fit into so many inches."""
    longest = max(len(name) for name in (*schema.relations, *schema.node_types))
    families = _relation_families(schema)
    handles: dict[str, Any] = {}
    present, counts = np.unique(sample.relation, return_counts=True)
    frequent = np.sort(present[np.argsort(-counts, kind="stable")[:LEGEND_RELATIONS]])
    for relation in frequent.tolist():
        name = schema.relations[relation]
        handles.setdefault(re.sub(r"_\d+$", "", name), Line2D([], [], color=families[name], linewidth=2))
    if len(frequent) < len(present):
        handles[f"{len(present) - len(frequent)} more"] = Line2D([], [], linestyle="")
    if sample.evidence_nodes or sample.evidence_triples:
        handles["evidence"] = Line2D([], [], color=EVIDENCE, linewidth=3)
    for kind in np.unique(sample.node_type).tolist():
        handles[f"({schema.node_types[kind]})"] = Line2D(
            [], [], marker="s", linestyle="", markersize=9, markeredgecolor="#9AA1A9",
            color=NODE_COLOURS[kind % len(NODE_COLOURS)],
        )  # fmt: skip
    axes.legend(
        list(handles.values()), list(handles), loc="upper center", bbox_to_anchor=(0.5, -0.01),
        ncols=min(len(handles), max(1, int(width / (0.6 + 0.075 * longest)))), fontsize=9, frameon=False,
    )  # fmt: skip
