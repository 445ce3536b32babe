"""What a domain shows of itself, and what it does where columns are absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from nsm.analysis.description import describe
from nsm.analysis.domain_figures import DOMAIN_FIGURES, _path_lengths, domain_figures
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Sample, Schema
from nsm.data.writing import write_packed
from tests.data.twin_graphs import packed, twins


@pytest.fixture
def bare(tmp_path: Path) -> PackedGraphs:
    return packed(tmp_path / "bare", twins(12))


def with_info(folder: Path, count: int = 12, **columns: list[Any]) -> PackedGraphs:
    samples = twins(count)
    for number, sample in enumerate(samples):
        sample.names = [f"(move-to {node} x)" if node % 2 else f"grip {node}" for node in range(sample.num_nodes)]
        sample.info |= {name: values[number % len(values)] for name, values in columns.items()}
    return packed(folder, samples)


def labels_of(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_yticklabels()]


def widths_of(figure: Any) -> list[float]:
    return [bar.get_width() for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]


@pytest.mark.parametrize("domain", [*DOMAIN_FIGURES, "own"])
def test_every_domain_bears_that_columns_are_absent(bare: PackedGraphs, domain: str) -> None:
    figures = domain_figures(bare, describe(bare), domain)
    assert not {"lengths", "operators", "rungs", "paths", "cardinalities"} & set(figures)


def test_plans(tmp_path: Path) -> None:
    graphs = with_info(tmp_path / "plans", length=[8, 9, 12])
    figures = domain_figures(graphs, describe(graphs), "planning")
    assert set(figures) == {"lengths", "operators"}
    step = graphs.schema.node_types.index("step")
    samples = [graphs.sample(i) for i in range(len(graphs))]
    moves = sum(int((sample.node_type[1::2] == step).sum()) for sample in samples)
    named = dict(zip(labels_of(figures["operators"]), widths_of(figures["operators"]), strict=True))
    assert {name.split(": ")[1] for name in named} == {"move-to", "grip"}
    assert sum(count for name, count in named.items() if name.endswith("move-to")) == moves


def test_causal_questions(tmp_path: Path) -> None:
    graphs = with_info(tmp_path / "causal", rung=["association", "intervention", "counterfactual"])
    figures = domain_figures(graphs, describe(graphs), "causal")
    assert set(figures) == {"rungs", "dags"}
    assert [text.split("\n")[0] for text in labels_of(figures["rungs"])] == [
        "association", "intervention", "counterfactual",
    ]  # fmt: skip


def facts(folder: Path, triples: list[tuple[str, str, str]], roles: dict[str, str], **info: int) -> PackedGraphs:
    """Two graphs with the same facts, under names."""
    names, relations = (sorted({t[i] for t in triples for i in at}) for at in ((0, 2), (1,)))
    schema = Schema("kg", ("entity",), ("none", "head", "tail", "query"), tuple(relations), ("false", "true"), (), 0)
    head, relation, tail = (
        np.array([where.index(t[i]) for t in triples]) for i, where in enumerate((names, relations, names))
    )
    role = np.array([schema.roles.index(roles.get(name, "none")) for name in names])
    count = len(names)
    zeros, none, empty = np.zeros(count, np.int64), np.full(count, -1), np.zeros((count, 0), np.float32)
    samples = [
        Sample(zeros, role, none, empty, head, relation, tail, label, f"g{label}", names=names, info=dict(info))
        for label in (0, 1)
    ]
    write_packed(folder, schema, samples)
    return PackedGraphs.open(folder)


WORDS = "a owns b, a owns c, d owns e, b in x, c in x, ? asks a, ? asks x"
FACTS = [(head, relation, tail) for head, relation, tail in map(str.split, WORDS.split(", "))]
ENDS = {"a": "head", "x": "tail", "?": "query"}


def test_cardinalities_count_a_fact_once_and_the_question_never(tmp_path: Path) -> None:
    graphs = facts(tmp_path / "kg", FACTS, ENDS)
    figures = domain_figures(graphs, describe(graphs), "kg")
    assert labels_of(figures["cardinalities"]) == ["owns", "in"]
    assert widths_of(figures["cardinalities"]) == [1.5, 1.0, 1.0, 2.0]  # tails per head, then heads per tail


@pytest.mark.parametrize(("tail", "length"), [("x", 2), ("b", 1), ("d", 0)])
def test_paths_lead_from_head_to_tail_and_not_through_the_question(tmp_path: Path, tail: str, length: int) -> None:
    graphs = facts(tmp_path / "kg", FACTS, {"a": "head", tail: "tail", "?": "query"})
    found = _path_lengths(graphs)
    assert found is not None
    assert found.tolist() == [length, length]


def test_the_length_of_a_story_is_the_column(tmp_path: Path) -> None:
    graphs = facts(tmp_path / "kg", FACTS, ENDS, length=7)
    axes = domain_figures(graphs, describe(graphs), "kg")["paths"].axes[0]
    assert axes.get_xlabel() == "facts of the story"


def test_columns_of_any_other_domain(tmp_path: Path) -> None:
    graphs = with_info(
        tmp_path / "own", year=[1, 2, 3], ward=["a", "b"], note=[f"n{i}" for i in range(12)], same=[1], pair=["p", "q"]
    )
    figures = domain_figures(graphs, describe(graphs), "own")
    assert set(figures) == {"column_family", "column_year", "column_ward", "column_note"}
