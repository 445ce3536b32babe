"""Odd graphs, built once."""

from __future__ import annotations

import pytest

from nsm.data.build import build_dataset
from nsm.data.packed import PackedGraphs
from tests.data.odd_source import OddSource


@pytest.fixture(scope="session")
def odd_graphs(tmp_path_factory: pytest.TempPathFactory) -> PackedGraphs:
    """64 odd graphs, no two alike."""
    return build_dataset(OddSource(), tmp_path_factory.mktemp("cache"))
