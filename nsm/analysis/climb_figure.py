"""The picture of one graph that climbs and comes back."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.sparse import coo_array
from scipy.sparse.csgraph import shortest_path

from nsm.analysis.climbing import Climb, ClimbLevel
from nsm.analysis.drawing import layout
from nsm.analysis.plots import COLOURS, new_figure
from nsm.data.triples import Sample, Schema

__all__ = ["climb_figure"]

Points = npt.NDArray[np.float64]

HEIGHT = 5.0  # inches; with 8 inches in width 1,280 x 800 pixels
CAPTION_WIDTH, CAPTION_LINES = 150, 3  # characters, lines
ZIGZAG = 0.06
ROUNDS = 100  # of the search for places
NAMED = 24  # nodes of the top that are numbered and named
PALETTE = (*colormaps["tab20"].colors[::2], *colormaps["tab20"].colors[1::2])  # type: ignore[attr-defined]
HEAT = "YlOrRd"


def climb_figure(climb: Climb, sample: Sample, schema: Schema, title: str = "") -> Figure:
    """Draws the levels of a graph: above on the way up, below on the way down.

    Above, a colour is a cluster: all nodes for which one node of the top level stands in the end. Nodes that stay are
    ringed, with a spoke to each node that they lead; edges are grey, wider for more concrete edges. Below, the same
    nodes by how much of them the abstract level alone does not explain.

    Args:
        climb: What `nsm.analysis.climbing.climb` returned.
        sample: The same graph, with names for its nodes.
        schema: Vocabularies of its data set.
        title: Title of the picture.
    """
    positions = _zigzag(_unit_box(layout(sample, schema))) if (sample.order >= 0).any() else _unit_box(_spread(sample))
    figure = new_figure(height=HEIGHT)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left", color=COLOURS["ink"], fontweight="bold")
    grid = figure.subplots(2, len(climb.levels), squeeze=False)
    tops = climb.levels[-1].nodes
    colours = {node: PALETTE[number % len(PALETTE)] for number, node in enumerate(tops.tolist())}
    numbers = {node: number for number, node in enumerate(tops.tolist()[:NAMED], start=1)}
    size = float(np.clip(900 / (len(positions) * len(climb.levels) / 3), 16, 70))
    heat = ScalarMappable(Normalize(0.0, max(1e-6, *(float(level.error.max()) for level in climb.levels))), HEAT)
    for depth, level in enumerate(climb.levels):
        cluster = [colours[node] for node in climb.clusters[level.nodes].tolist()]
        _up(grid[0, depth], level, positions, cluster, size, _title(climb, depth))
        _down(grid[1, depth], level, positions, heat, size, is_top=depth == len(climb.levels) - 1)
        for axes in grid[:, depth]:
            _number(axes, level, positions, numbers, size)
    grid[0, 0].set_ylabel("WHY: up", fontsize=9)
    grid[1, 0].set_ylabel("WHAT: down, without details", fontsize=9)
    bar = figure.colorbar(heat, ax=list(grid[1]), location="right", fraction=0.03, pad=0.01)
    bar.set_label("error of a node", fontsize=8)
    bar.ax.tick_params(labelsize=7.5)
    _legend(figure, _caption(sample, schema, numbers, len(tops), climb))
    return figure


def _unit_box(positions: Points) -> Points:
    """The same places between 0 and 1 in both directions; the middle where all have one coordinate."""
    low, span = positions.min(axis=0), np.ptp(positions, axis=0)
    return np.where(span > 1e-9, (positions - low) / np.where(span > 1e-9, span, 1.0), 0.5)


def _zigzag(positions: Points) -> Points:
    """Neighbours in a row a little above and below it, so that lines along the row show."""
    placed = positions.copy()
    for row in np.unique(positions[:, 1]):
        members = np.flatnonzero(positions[:, 1] == row)
        placed[members[np.argsort(placed[members, 0])], 1] += ZIGZAG * (np.arange(len(members)) % 2 - 0.5)
    return placed


def _spread(sample: Sample) -> Points:
    """Places as far apart as the shortest paths are long, as nearly as a plane allows, from a circle.

    References:
        Gansner, Koren and North, Graph Drawing by Stress Majorization, GD 2004.
    """
    count = sample.num_nodes
    angle = 2 * np.pi * np.arange(count) / count
    places = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    if count < 3:
        return places
    joined = coo_array((np.ones(sample.num_triples), (sample.head, sample.tail)), shape=(count, count))
    far = shortest_path(joined.tocsr(), directed=False, unweighted=True)
    known = np.isfinite(far)
    far[~known] = far[known].max() + 1.0  # components lie beside each other
    np.fill_diagonal(far, 1.0)
    weight = far**-2.0
    np.fill_diagonal(weight, 0.0)
    inverse = np.linalg.pinv(np.diag(weight.sum(axis=1)) - weight)
    for _ in range(ROUNDS):
        between = np.linalg.norm(places[:, None] - places[None], axis=2)
        pull = -weight * far / np.maximum(between, 1e-9)
        np.fill_diagonal(pull, 0.0)
        np.fill_diagonal(pull, -pull.sum(axis=1))
        places = inverse @ pull @ places
    return places


def _title(climb: Climb, depth: int) -> str:
    count = len(climb.levels[depth].nodes)
    name = "level 0: concrete" if depth == 0 else f"level {depth}"
    name = f"level {depth}: abstract" if depth == len(climb.levels) - 1 else name
    return f"{name}\n{count} node{'s' if count > 1 else ''}"


def _up(axes: Axes, level: ClimbLevel, positions: Points, colours: Sequence[Any], size: float, title: str) -> None:
    """Edges, spokes to the leaders, nodes in the colour of their cluster, a ring around those that stay."""
    _frame(axes)
    axes.set_title(title, fontsize=8.5, color=COLOURS["ink"])
    _edges(axes, level, positions)
    spokes = [positions[[node, leader]] for node, leader in zip(level.nodes, level.leaders, strict=True)]
    axes.add_collection(LineCollection(spokes, colors=list(colours), linewidths=1.8, alpha=0.8, zorder=2))
    is_kept = np.isin(level.nodes, level.kept)
    rings = [COLOURS["ink"] if kept else "white" for kept in is_kept]
    axes.scatter(
        positions[level.nodes, 0], positions[level.nodes, 1], s=np.where(is_kept, size, 0.45 * size),
        c=list(colours), edgecolors=rings,
        linewidths=np.where(is_kept, 1.1, 0.4).tolist(), zorder=3,
    )  # fmt: skip


def _down(axes: Axes, level: ClimbLevel, positions: Points, heat: ScalarMappable, size: float, *, is_top: bool) -> None:
    """Nodes by their error; those that came from the level above are ringed."""
    _frame(axes)
    mean = float(np.sqrt(np.square(level.error).mean()))
    exact = float(np.sqrt(np.square(level.exact).mean()))
    told = "given" if is_top else f"error {mean:.2f}\nwith details {exact:.0e}"
    axes.set_xlabel(told, fontsize=7.5, color=COLOURS["ink"])
    _edges(axes, level, positions)
    is_kept = np.isin(level.nodes, level.kept)
    axes.scatter(
        positions[level.nodes, 0], positions[level.nodes, 1], s=np.where(is_kept, size, 0.6 * size),
        c=heat.to_rgba(level.error), edgecolors=[COLOURS["ink"] if kept else "#9AA1A9" for kept in is_kept],
        linewidths=0.8, zorder=3,
    )  # fmt: skip


def _edges(axes: Axes, level: ClimbLevel, positions: Points) -> None:
    lines = [positions[[head, tail]] for head, tail in level.edges.T]
    widths = np.clip(0.35 * np.sqrt(level.multiplicity), 0.35, 1.6)
    axes.add_collection(LineCollection(lines, colors="#B9C0C8", linewidths=widths, alpha=0.6, zorder=1))


def _frame(axes: Axes) -> None:
    axes.set_xlim(-0.07, 1.07)
    axes.set_ylim(-0.1, 1.1)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color("#D9DDE2")


def _number(axes: Axes, level: ClimbLevel, positions: Points, numbers: dict[int, int], size: float) -> None:
    """The number of each node of the top beside it, in every level."""
    for node, number in numbers.items():
        if node in level.nodes:
            axes.annotate(
                str(number), positions[node], xytext=(0, 0.5 * np.sqrt(size) + 0.5), textcoords="offset points",
                fontsize=6.5, ha="center", va="bottom", color=COLOURS["ink"], zorder=4,
            )  # fmt: skip


def _caption(sample: Sample, schema: Schema, numbers: dict[int, int], tops: int, climb: Climb) -> str:
    """Which nodes the top keeps, by number and name, with the size of their clusters."""
    sizes = dict(zip(*(column.tolist() for column in np.unique(climb.clusters, return_counts=True)), strict=True))
    names = sample.names or [f"{schema.node_types[kind]} {node}" for node, kind in enumerate(sample.node_type)]
    listed = [f"{number} {names[node]} [{sizes.get(node, 1)}]" for node, number in numbers.items()]
    more = f"; {tops - len(numbers)} more" if tops > len(numbers) else ""
    text = f"Kept at the top [nodes that each stands for]: {'; '.join(listed)}{more}"
    lines = textwrap.wrap(text, CAPTION_WIDTH)
    return "\n".join([*lines[:CAPTION_LINES]]) + (" ..." if len(lines) > CAPTION_LINES else "")


def _legend(figure: Figure, caption: str) -> None:
    dot: dict[str, Any] = {"marker": "o", "linestyle": "", "color": COLOURS["sky"]}
    handles = [
        Line2D([], [], **dot, markersize=7, markeredgecolor=COLOURS["ink"], label="stays"),
        Line2D([], [], **dot, markersize=5, markeredgecolor="white", label="led by another node"),
        Line2D([], [], color=COLOURS["sky"], linewidth=2, label="leads"),
        Line2D([], [], color="#B9C0C8", linewidth=1.5, label="edge"),
    ]
    legend = figure.legend(
        handles=handles, loc="outside lower left", ncols=4, fontsize=7.5, frameon=False, title=caption
    )
    legend.get_title().set_fontsize(7)
    legend.set_alignment("left")
