"""A user's own source: its data are made again when its key or its code has changed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from nsm.data.build import build_dataset, dataset_folder
from nsm.data.own.imported_source import ImportedSource, code_digest, imported_source
from nsm.errors import ConfigError
from tests.training.toy_graphs import MarkedChains


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on Python's path; what is imported from it is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def imported(name: str) -> ModuleType:
    importlib.invalidate_caches()
    return importlib.import_module(name)


def test_the_graphs_are_those_of_the_user(tmp_path: Path) -> None:
    ours = ImportedSource("my_code:chains", "abc", MarkedChains(40))
    assert ours.schema == MarkedChains().schema
    found = build_dataset(ours, tmp_path)
    assert len(found) == len(build_dataset(MarkedChains(40), tmp_path))
    assert found.meta["source"] == {
        "source": "my_code:chains",
        "code": "abc",
        "own toy": "marked chains",
        "own count": 40,
    }


def test_another_key_another_name_or_other_code_are_other_data(tmp_path: Path) -> None:
    sources = [
        ImportedSource("my_code:chains", "abc", MarkedChains(40)),
        ImportedSource("my_code:chains", "abc", MarkedChains(80)),
        ImportedSource("my_code:others", "abc", MarkedChains(40)),
        ImportedSource("my_code:chains", "abd", MarkedChains(40)),
    ]
    assert len({dataset_folder(source, tmp_path) for source in sources}) == 4


def test_the_code_of_a_file_is_that_file(folder: Path) -> None:
    (folder / "users_file.py").write_text("x = 1\n")
    module = imported("users_file")
    first = code_digest(module)
    (folder / "beside_it.py").write_text("y = 1\n")
    assert code_digest(module) == first
    (folder / "users_file.py").write_text("x = 2\n")
    assert code_digest(module) != first


def test_the_code_of_a_package_is_all_of_it(folder: Path) -> None:
    deep = folder / "users_package" / "deep"
    deep.mkdir(parents=True)
    for part in (deep.parent, deep):
        (part / "__init__.py").touch()
    (deep / "source.py").write_text("x = 1\n")
    (deep.parent / "shared.py").write_text("y = 1\n")
    names = ("users_package", "users_package.deep", "users_package.deep.source")
    modules = [imported(name) for name in names]
    first = {code_digest(module) for module in modules}
    assert len(first) == 1
    (deep.parent / "shared.py").write_text("y = 2\n")
    assert {code_digest(module) for module in modules}.isdisjoint(first)


def test_a_folder_that_is_no_package_counts_file_by_file(folder: Path) -> None:
    loose = folder / "users_folder"
    loose.mkdir()
    (loose / "one.py").write_text("x = 1\n")
    module = imported("users_folder.one")
    first = code_digest(module)
    (loose / "two.py").write_text("x = 1\n")
    assert code_digest(module) == first
    (loose / "one.py").write_text("x = 2\n")
    assert code_digest(module) != first


class HalfASource:
    """Knows its words and makes nothing."""

    schema = MarkedChains().schema
    split_shares = (0.6, 0.2, 0.2)


def test_what_is_no_source_is_told() -> None:
    module = sys.modules[__name__]
    assert imported_source("a:b", module, MarkedChains(40)).made == MarkedChains(40)
    with pytest.raises(ConfigError, match="got HalfASource without key, shards, make") as caught:
        imported_source("a:b", module, HalfASource())
    assert caught.value.file == __file__
