"""A toy domain in place of the planning problems, so that the wiring is tested in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsm.config import Config
from nsm.pipeline import domains
from tests.training.toy_graphs import SMALL, MarkedChains


@pytest.fixture(autouse=True)
def _toy_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NSM_ROOT", raising=False)
    monkeypatch.delenv("NSM_CACHE", raising=False)

    def open_toy(config: Config) -> domains.Task:
        return domains.Task(MarkedChains(config.planning.graphs), confirm=lambda _: 1.0)

    monkeypatch.setitem(domains.TASKS, "planning", open_toy)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A training of two short epochs below a root of its own."""
    planning = SMALL.planning.model_copy(update={"graphs": 120})
    return SMALL.model_copy(update={"root": tmp_path / "root", "epochs": 2, "planning": planning})
