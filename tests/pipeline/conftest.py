"""A toy domain in place of the planning problems, so that the wiring is tested in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nsm import pipeline
from nsm.config import Config
from nsm.pipeline import domains
from tests.training.toy_graphs import SMALL, MarkedChains


def open_toy(config: Config) -> domains.Task:
    return domains.Task(MarkedChains(config.planning.graphs), confirm=lambda _: 1.0)


@pytest.fixture(scope="package", autouse=True)
def _toy_domain() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NSM_ROOT", raising=False)
        patch.delenv("NSM_CACHE", raising=False)
        patch.setitem(domains.TASKS, "planning", open_toy)
        yield


@pytest.fixture(scope="package")
def toy_config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A training of two short epochs, on data that is built and audited already."""
    cache = tmp_path_factory.mktemp("cache")
    planning = SMALL.planning.model_copy(update={"graphs": 120})
    config = SMALL.model_copy(update={"epochs": 2, "planning": planning, "cache": cache})
    pipeline.audit(config, quiet=True)
    return config


@pytest.fixture
def config(toy_config: Config, tmp_path: Path) -> Config:
    """The same with a root of its own."""
    return toy_config.model_copy(update={"root": tmp_path / "root"})


@pytest.fixture
def fresh(config: Config) -> Config:
    """The same without any data yet; it will be below the root."""
    return config.model_copy(update={"cache": None})
