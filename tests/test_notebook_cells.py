"""Single cells of the dashboard, without a kernel: what they set, how wide they are, when a search ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from matplotlib.figure import Figure

import nsm
from nsm import dashboard, pipeline
from nsm.analysis.comparison import Comparison
from nsm.analysis.plots import new_figure
from nsm.config import Config
from tests.notebooks import cells, read

WIDTH = 92  # characters of a line that are seen in a window of 1280 pixels


def source_of(words: str) -> str:
    """The text of the one cell with these words."""
    (found,) = (cell.source for cell in cells(read()) if words in cell.source)
    return found


def test_lines_of_code_are_seen_to_their_end() -> None:
    assert [line for cell in cells(read()) for line in cell.source.splitlines() if len(line) > WIDTH] == []


@pytest.mark.parametrize("domain", ["planning", "causal", "kg"])
def test_as_it_stands_it_trains_with_the_defaults_of_each_domain(domain: str) -> None:
    namespace: dict[str, Any] = {}
    exec(source_of("EVAL_EVERY = "), namespace)
    assert dashboard.settings(namespace | {"DOMAIN": domain}) == Config(domain=domain)  # type: ignore[arg-type]


def test_an_interrupt_ends_the_search_and_the_run_under_way_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[float] = []

    def train(config: Config, *, quiet: bool) -> SimpleNamespace:
        assert quiet and config.epochs == 10
        trained.append(config.learning_rate)
        is_second = len(trained) == 2
        return SimpleNamespace(interrupted=is_second, best_val_acc=0.5, run=SimpleNamespace(name="a"))

    monkeypatch.setattr(nsm, "train", train)
    namespace: dict[str, Any] = {"nsm": nsm, "dashboard": dashboard, "DOMAIN": "kg", "RUN": "mine"}
    exec(source_of("SEARCH = False").replace("SEARCH = False", "SEARCH = True"), namespace)
    assert trained == [1e-3, 1e-4]
    assert [result["lr"] for result in namespace["results"]] == [1e-3]


@pytest.mark.parametrize("words", ["comparison_figure(", "gradient_figure("])
def test_figures_are_described_for_those_who_cannot_see_them(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    anything = MagicMock()
    monkeypatch.setattr(pipeline, "compare", lambda **_: Comparison([]))
    monkeypatch.setattr("nsm.analysis.gradients.gradient_flow", lambda *_: anything)
    monkeypatch.setattr("nsm.analysis.gradients.gradient_figure", lambda _: new_figure())
    names = dict.fromkeys(("graphs", "trainer"), anything) | {"config": Config(), "pipeline": pipeline, "ROOT": None}
    names["graphs"].subset("train").__len__.return_value = 3
    exec(source_of(words), {**names, "display": lambda what, metadata=None: shown.append((what, metadata))})
    figures = [metadata for what, metadata in shown if isinstance(what, Figure)]
    assert len(figures) == 1 and len(figures[0]["image/png"]["alt"]) > 30
