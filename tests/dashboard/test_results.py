from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nsm.analysis.plots import new_figure, png_bytes
from nsm.analysis.report import Example
from nsm.analysis.tables import Table
from nsm.config import Config
from nsm.dashboard import results
from nsm.dashboard.results import SCALE, examples, load_data, pictures, show_card, show_results

PNG = png_bytes(new_figure(height=2, width=4))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was displayed, each with its metadata where it has any."""
    found: list[Any] = []

    def display(content: Any, metadata: Any = None, *, raw: bool = False) -> None:
        del raw
        found.append((content, metadata) if metadata else content)

    monkeypatch.setattr(results, "notebook_module", lambda _: SimpleNamespace(display=display))
    return found


def example() -> Example:
    return Example(title="Graph 1", caption="5 < 6", picture=PNG, evidence=(), triples=())


def test_a_picture_keeps_its_pixels_and_takes_less_room(shown: list[Any]) -> None:
    examples([example()])
    caption, (content, metadata) = shown
    assert caption["text/html"] == "<p>5 &lt; 6</p>" and caption["text/plain"] == "5 < 6"
    assert base64.b64decode(content["image/png"]) == PNG
    assert metadata == {"image/png": {"width": round(640 * SCALE), "alt": "5 < 6"}}


def test_pictures_of_an_evaluation_come_in_the_order_of_the_report(shown: list[Any], tmp_path: Path) -> None:
    for name in ("reliability", "confusion", "training_curves", "unknown"):
        (tmp_path / f"{name}.png").write_bytes(PNG)
    pictures(tmp_path)
    captions = [one["text/plain"] for one in shown if isinstance(one, dict)]
    assert [caption.split()[0] for caption in captions] == ["Graphs", "Confidence"]


def test_the_figures_come_before_the_pictures(shown: list[Any], tmp_path: Path) -> None:
    (tmp_path / "confusion.png").write_bytes(PNG)
    figures = {"samples": 4, "split": "test", "accuracy": 0.5,
               "per_class": {"no": {"precision": 1.0, "recall": 0.5, "f1": 0.7, "support": 4}}}  # fmt: skip
    show_results(SimpleNamespace(figures=figures, pictures=tmp_path))  # type: ignore[arg-type]
    assert [type(one) for one in shown] == [Table, Table, dict, tuple]


def test_a_card_shows_its_table_its_pictures_and_graphs(shown: list[Any]) -> None:
    page = SimpleNamespace(figures={"labels": PNG}, special={"lengths": PNG}, examples=[example(), example()])
    show_card(SimpleNamespace(table=lambda: Table(("a",), [(1,)]), page=page))  # type: ignore[arg-type]
    assert isinstance(shown[0], Table)
    assert len([one for one in shown if isinstance(one, tuple)]) == 3


def test_loading_data_shows_a_bar_and_then_the_splits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = Config(root=tmp_path, workers=0, planning={"graphs": 60, "domains": ("ferry",)})
    graphs = load_data(config)
    told = capsys.readouterr().err
    assert f"{len(graphs)} " in told and " graphs" in told and " train, " in told and " test" in told


def test_where_no_graph_is_small_enough_that_is_said(shown: list[Any]) -> None:
    page = SimpleNamespace(figures={"labels": PNG}, special={}, examples=[])
    show_card(SimpleNamespace(table=lambda: Table(("a",), [(1,)]), page=page))  # type: ignore[arg-type]
    assert shown[-1]["text/plain"].startswith(
        "No graph is drawn: each has more than 150 nodes or more than 600 triples"
    )
