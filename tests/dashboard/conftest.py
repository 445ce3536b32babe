from __future__ import annotations

from pathlib import Path

import pytest

from nsm.data.packed import PackedGraphs
from tests.dashboard.fake_notebook import FakeNotebook
from tests.training.toy_graphs import toy_graphs


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> FakeNotebook:
    return FakeNotebook(monkeypatch)


@pytest.fixture(scope="session")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> PackedGraphs:
    return toy_graphs(Path(tmp_path_factory.mktemp("graphs")))
