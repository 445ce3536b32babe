"""Pictures of graphs: every node has its own place, evidence is marked, labels are readable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from nsm.analysis import drawing
from nsm.data.triples import Sample, Schema

SCHEMA = Schema(
    domain="toy",
    node_types=("object", "fact", "step"),
    roles=("none",),
    relations=("needs", "adds", "next", "argument_1", "argument_2"),
    labels=("invalid", "valid"),
)


def make(node_type: list[int], order: list[int], triples: list[tuple[int, int, int]]) -> Sample:
    head, relation, tail = np.array(triples, dtype=np.int64).reshape(-1, 3).T
    count = len(node_type)
    return Sample(
        node_type=np.array(node_type),
        role=np.zeros(count, dtype=np.int64),
        order=np.array(order),
        value=np.zeros((count, 0), dtype=np.float32),
        head=head,
        relation=relation,
        tail=tail,
        label=0,
        group="g",
    )


@pytest.fixture
def sample() -> Sample:
    sample = make([2, 2, 1, 0, 1], [0, 1, -1, -1, -1], [(0, 2, 1), (0, 1, 2), (1, 0, 2), (2, 3, 3), (3, 4, 3)])
    sample.names = ["(load p1 truck)", "(unload-vehicle p1)", "(in p1 truck)", "p1", "(free)"]
    sample.evidence_nodes, sample.evidence_triples = (1, 2), (2,)
    sample.confidence = np.array([1, 1, 0.25, 1, 1], dtype=np.float32)
    return sample


def arrows(figure: Figure) -> list[FancyArrowPatch]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]


def test_triples_are_readable_and_evidence_is_starred(sample: Sample) -> None:
    assert drawing.readable_triples(sample, SCHEMA) == [
        "  0:(load p1 truck) --next--> 1:(unload-vehicle p1)",
        "  0:(load p1 truck) --adds--> (in p1 truck)",
        "* 1:(unload-vehicle p1) --needs--> (in p1 truck)  [0.25]",
        "  (in p1 truck) --argument_1--> p1",
        "  p1 --argument_2--> p1",
    ]


def test_steps_stand_in_order_above_the_rest(sample: Sample) -> None:
    places = drawing.layout(sample, SCHEMA)
    assert places[0, 1] == places[1, 1] > places[2, 1] == places[4, 1] > places[3, 1]
    assert places[0, 0] < places[1, 0]


def test_evidence_is_drawn_last_and_strong(sample: Sample) -> None:
    figure = drawing.draw_sample(sample, SCHEMA, "A title")
    drawn = arrows(figure)
    assert len(drawn) == 6
    red = [arrow for arrow in drawn if to_hex(arrow.get_edgecolor()) == drawing.EVIDENCE.lower()]
    assert red == drawn[-2:-1]
    assert red[0].get_linewidth() > 2 * max(arrow.get_linewidth() for arrow in drawn if arrow is not red[0])
    core, legend = drawn[-1], figure.axes[0].get_legend()
    assert legend is not None
    named = dict(zip([text.get_text() for text in legend.get_texts()], legend.legend_handles, strict=True))
    assert to_hex(core.get_edgecolor()) == to_hex(named["needs"].get_color())  # what it is can still be seen
    assert core.get_zorder() > red[0].get_zorder()
    boxes = {text.get_text(): text for text in figure.axes[0].texts}
    assert boxes["1\nunload-\nvehicle p1"].get_bbox_patch().get_linewidth() > 2
    assert boxes["p1"].get_bbox_patch().get_linewidth() < 1


def test_the_legend_names_what_is_drawn(sample: Sample) -> None:
    legend = drawing.draw_sample(sample, SCHEMA).axes[0].get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["needs", "adds", "next", "argument", "evidence", "(object)", "(fact)", "(step)"]


def test_a_graph_without_evidence_edges_or_names() -> None:
    figure = drawing.draw_sample(make([0], [-1], []), SCHEMA)
    assert [text.get_text() for text in figure.axes[0].texts] == ["object 0"]
    assert not arrows(figure)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 70), st.integers(0, 60), st.integers(1, 3), st.integers(0, 999))
def test_no_two_nodes_share_a_place(nodes: int, steps: int, types: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    triples = [(int(a), 0, int(b)) for a, b in random.integers(0, nodes + steps, (2 * nodes, 2))]
    node_type = [*random.integers(0, types, nodes).tolist(), *[2] * steps]
    places = drawing.layout(make(node_type, [-1] * nodes + list(range(steps)), triples), SCHEMA)
    assert np.isfinite(places).all()
    apart = np.abs(places[:, None] - places[None]).max(axis=2) + 9 * np.eye(len(places))
    assert apart.min() > 0.2
    if types > 1 or steps:
        assert np.ptp(places[:, 0]) <= drawing.ROW_LENGTH * drawing.COLUMN_WIDTH


def test_the_legend_names_the_frequent_relations_only(sample: Sample) -> None:
    many = Schema("toy", SCHEMA.node_types, ("none",), tuple(f"r{chr(97 + i)}" for i in range(20)), SCHEMA.labels)
    sample.relation = np.arange(20)
    sample.head = sample.tail = np.zeros(20, np.int64)
    sample.confidence, sample.level = np.ones(20, np.float32), np.ones(20, np.uint8)
    sample.evidence_triples = ()
    legend = drawing.draw_sample(sample, many).axes[0].get_legend()
    assert legend is not None
    named = [text.get_text() for text in legend.get_texts()]
    assert [name for name in named if name.startswith("r")] == [f"r{chr(97 + i)}" for i in range(14)]
    assert "6 more" in named


def test_there_is_room_for_arcs_above_the_topmost_row() -> None:
    row = make([0] * 9 + [1], [-1] * 10, [(0, 0, 8), (8, 0, 0), (0, 0, 9)])
    low, high = drawing.draw_sample(row, SCHEMA).axes[0].get_ylim()
    flat = make([0] * 9 + [1], [-1] * 10, [(0, 0, 1), (0, 0, 9)])
    assert high > drawing.draw_sample(flat, SCHEMA).axes[0].get_ylim()[1]
    assert low == drawing.draw_sample(flat, SCHEMA).axes[0].get_ylim()[0]


@pytest.mark.parametrize("place", [(0.0, -1.6), (1.2, 0.0), (3.0, 0.0), (1.2, -1.6)])
def test_arrows_end_outside_of_their_nodes_and_not_beneath_them(
    place: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "layout", lambda *_: np.array([(0.0, 0.0), place]))
    sample = replace(make([0, 0], [-1, -1], [(0, 0, 1)]), names=["first node", "last node"])
    figure = drawing.draw_sample(sample, SCHEMA)
    figure.canvas.draw()
    (arrow,) = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]
    nodes = [text.get_bbox_patch().get_window_extent() for text in figure.axes[0].texts[:2]]
    lines = arrow.get_path().transformed(arrow.get_transform()).to_polygons(closed_only=False)
    points = np.concatenate([line[~(line == line[-1]).all(axis=1)] for line in lines])
    assert len(points) > 3
    assert not any(node.contains(*point) for node in nodes for point in points)
