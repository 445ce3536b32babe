"""One toy data set for all tests of the training."""

from __future__ import annotations

import pytest

from nsm.data.packed import PackedGraphs
from tests.training.toy_graphs import toy_graphs


@pytest.fixture(scope="package")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> PackedGraphs:
    return toy_graphs(tmp_path_factory.mktemp("toy"))
