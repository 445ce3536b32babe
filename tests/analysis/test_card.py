"""The card is one file that says what a data set holds, with pictures and examples inside."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from nsm.analysis import card as module
from nsm.analysis.card import CAPTIONS, DataCard, card_figures, typical_examples, write_card
from nsm.analysis.description import Description, describe
from nsm.analysis.domain_figures import DOMAIN_FIGURES, domain_figures
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Sample
from tests.analysis.test_report import AUDIT, Tags
from tests.data.twin_graphs import packed, twins


def mark(sample: Sample, _random: np.random.Generator) -> None:
    if sample.label and int(sample.group[1:]) % 5 == 0:
        sample.evidence_nodes, sample.evidence_triples = (0,), (0,)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> PackedGraphs:
    return packed(tmp_path_factory.mktemp("graphs") / "packed", twins(60, edit=mark))


@pytest.fixture(scope="module")
def description(graphs: PackedGraphs) -> Description:
    return describe(graphs)


@pytest.fixture(scope="module")
def card(graphs: PackedGraphs, description: Description) -> DataCard:
    figures, special = card_figures(graphs, description, "own")
    return DataCard(
        title="own: <toy>",
        domain="own",
        facts={"source": "the user's tables", "licence": "the user's"},
        description=description.to_json() | {"ceiling": 0.875},
        audit=AUDIT | {"shared_entities": 0},
        figures=figures,
        special=special,
        examples=typical_examples(graphs, description),
    )


def test_everything_is_inside_the_file(card: DataCard, tmp_path: Path) -> None:
    write_card(card, tmp_path / "card.html")
    html = (tmp_path / "card.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert len(tags.resources) == len(card.figures) + len(card.special) + 3
    assert all(resource.startswith("data:image/png;base64,") for resource in tags.resources)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("</style>")[2]))
    for expected in (
        "own: &lt;toy&gt;", "60 graphs", "30 groups", "87.5%",
        "the user&#39;s tables", "pass", "entities in several splits",
        "Evidence:", "Every relation", "leak", "train", "odd",
    ):  # fmt: skip
        assert expected in text, expected


def test_what_is_unknown_is_left_out(card: DataCard, tmp_path: Path) -> None:
    bare = DataCard("x", "own", {}, {**card.description, "ceiling": None}, None, {}, {}, [])
    write_card(bare, tmp_path / "card.html")
    html = (tmp_path / "card.html").read_text(encoding="utf-8")
    assert "was not audited" in html
    assert "too large to be drawn" in html
    assert "ceiling" not in html
    assert "<img" not in html


def test_three_examples_with_evidence_where_there_is_some(graphs: PackedGraphs, description: Description) -> None:
    examples = typical_examples(graphs, description)
    assert len({example.title for example in examples}) == 3
    assert [example.title.split(": ")[1] for example in examples] == ["invalid", "valid", "invalid"]
    assert [bool(example.evidence) for example in examples] == [False, True, False]


def test_graphs_that_nobody_could_read_are_not_drawn(
    graphs: PackedGraphs, description: Description, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", (8, 600))
    few = typical_examples(graphs, description)
    assert few
    assert all(int(example.caption.split()[0]) <= 8 for example in few)
    monkeypatch.setattr(module, "LARGEST", (1, 600))
    assert typical_examples(graphs, description) == []


def test_every_figure_has_a_caption(graphs: PackedGraphs, description: Description, card: DataCard) -> None:
    special = [domain_figures(graphs, description, domain) for domain in DOMAIN_FIGURES]
    assert set(card.figures).union(*special) <= set(CAPTIONS)
