"""Mistakes are the wrong ones, the surest first, and of those that are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm.analysis.mistakes import draw_judgements, most_uncertain, worst_mistakes
from nsm.data.packed import PackedGraphs
from tests.analysis.toy_models import named_graphs


@pytest.fixture
def graphs(tmp_path: Path) -> PackedGraphs:
    return named_graphs(tmp_path / "graphs", 12)


@pytest.fixture
def logits(graphs: PackedGraphs) -> np.ndarray:
    logits = 3.0 * np.eye(2)[graphs.labels]
    logits[[1, 4, 6]] *= [[-1], [-3], [-2]]  # mistakes
    logits[8] *= 0.01
    return logits


def test_the_surest_mistake_comes_first(graphs: PackedGraphs, logits: np.ndarray) -> None:
    table = worst_mistakes(graphs, logits)
    assert table.column("position") == [4, 6, 1]
    assert table.title == "Surest mistakes: 3 of 3"
    for row in table.to_json():
        assert row["true"] != row["predicted"]
        assert row["confidence"] > 0.9
    assert worst_mistakes(graphs, logits, 2).column("position") == [4, 6]


def test_filters(graphs: PackedGraphs, logits: np.ndarray) -> None:
    assert worst_mistakes(graphs, logits, label="valid").column("position") == [1]
    even = worst_mistakes(graphs, logits, where={"family": "even"})
    assert even.column("position") == [6]
    assert set(even.column("family")) == {"even"}
    assert len(worst_mistakes(graphs, logits, label="valid", where={"family": "even"})) == 0
    with pytest.raises(ValueError, match="no class 'true', only invalid, valid"):
        worst_mistakes(graphs, logits, label="true")
    with pytest.raises(ValueError, match="no column 'rung'"):
        most_uncertain(graphs, logits, where={"rung": "association"})


def test_the_least_certain_may_be_right(graphs: PackedGraphs, logits: np.ndarray) -> None:
    table = most_uncertain(graphs, logits, 3)
    assert table.column("position")[0] == 8
    assert table.column("true")[0] == table.column("predicted")[0]
    assert table.column("confidence") == sorted(table.column("confidence"))


def test_they_are_drawn(graphs: PackedGraphs, logits: np.ndarray) -> None:
    first, second = draw_judgements(graphs, logits, worst_mistakes(graphs, logits, 2))
    assert (first.title, second.title) == ("Graph 4: a mistake", "Graph 6: a mistake")
    assert first.picture[1:4] == b"PNG"
    assert "true is invalid" in first.caption
