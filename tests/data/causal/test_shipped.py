"""The networks inside pgmpy's package: found without importing it, and told clearly where it is missing."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from nsm.data.causal.bif import read_bif
from nsm.data.causal.shipped import network_file, network_names
from nsm.errors import DataError
from tests.data.causal.networks_by_hand import write

SIZES = {"asia": 8, "sachs": 11, "child": 20, "insurance": 27, "alarm": 37}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for an installed pgmpy with one network."""
    folder = tmp_path / "pgmpy" / "utils" / "example_models"
    folder.mkdir(parents=True)
    write(folder, name="garden.bif.gz")
    place = SimpleNamespace(submodule_search_locations=[str(tmp_path / "pgmpy")])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: place if name == "pgmpy" else None)
    return folder


def test_a_name_leads_to_its_file(installed: Path) -> None:
    assert network_names() == ["garden"]
    assert network_file("garden") == installed / "garden.bif.gz"


@pytest.mark.usefixtures("installed")
def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(DataError, match="unknown network 'gardne'; expected one of garden") as caught:
        network_file("gardne")
    assert caught.value.hint == "did you mean 'garden'?"


def test_a_release_without_networks(installed: Path) -> None:
    (installed / "garden.bif.gz").unlink()
    installed.rmdir()
    with pytest.raises(DataError, match="ships no networks"):
        network_names()


def test_without_pgmpy_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DataError, match="not installed") as caught:
        network_file("asia")
    assert "pip install 'pgmpy<1.3'" in str(caught.value.hint)


@pytest.mark.needs_networks
def test_the_named_networks_can_be_read_and_pgmpy_is_not_imported() -> None:
    before = "pgmpy" in sys.modules
    for name, size in SIZES.items():
        assert read_bif(network_file(name)).size == size
    assert len(network_names()) > 15
    assert ("pgmpy" in sys.modules) == before
