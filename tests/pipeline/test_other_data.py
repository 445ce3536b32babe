"""A run on other data than its own: what it has seen is left out, and what it cannot know is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nsm import pipeline
from nsm.config import Config
from nsm.data.hashing import hash_graphs
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Schema
from nsm.errors import ConfigError, DataError
from nsm.pipeline import domains
from nsm.pipeline.other_data import OtherData, open_other, require_name
from nsm.pipeline.reopening import run_config
from nsm.runs import Run
from tests.training.toy_graphs import MarkedChains

MORE = ["planning.graphs=200"]  # the first 120 are those of the run


@pytest.fixture(scope="module")
def trained(toy_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("trained")
    return pipeline.train(toy_config.model_copy(update={"root": root, "epochs": 1}), quiet=True).run


@pytest.fixture(scope="module")
def seen(trained: Run) -> PackedGraphs:
    return pipeline.load_run_data(trained, quiet=True)


def opened(run: Run, seen: PackedGraphs, settings: list[str], split: str = "all") -> OtherData:
    before, config = run_config(run), run_config(run, None, settings)
    return open_other(before, config, seen, settings=settings, split=split, quiet=True)


def test_what_the_run_has_seen_is_left_out(trained: Run, seen: PackedGraphs) -> None:
    other = opened(trained, seen, MORE)
    known = np.concatenate([hash_graphs(seen.subset(split)) for split in ("train", "val")])
    assert other.left_out == len(known)
    assert len(other.graphs) == 200 - len(known)
    assert not np.isin(hash_graphs(other.graphs), known).any()
    assert np.isin(hash_graphs(seen.subset("test")), hash_graphs(other.graphs)).all()
    told = other.to_json()
    assert told["fingerprint"] == other.graphs.fingerprint != seen.fingerprint
    assert (told["settings"], told["left_out"]) == (MORE, len(known))


def test_one_split_of_other_data(trained: Run, seen: PackedGraphs) -> None:
    whole, test = (opened(trained, seen, MORE, split=split) for split in ("all", "test"))
    assert set(test.graphs.indices) < set(whole.graphs.indices)
    assert set(test.graphs.splits) == {2}


def test_only_the_data_are_others(trained: Run, seen: PackedGraphs) -> None:
    with pytest.raises(ConfigError, match="channels: a run is evaluated on other data, not with other settings"):
        opened(trained, seen, [*MORE, "channels=16"])


def test_nothing_new(trained: Run, seen: PackedGraphs) -> None:
    with pytest.raises(DataError, match="none that the run has not seen") as caught:
        opened(trained, seen, ["workers=0"], split="train")
    assert caught.value.hint is not None


class OtherWords(MarkedChains):
    """The same chains, with a relation more."""

    @property
    def schema(self) -> Schema:
        return replace(super().schema, domain="causal", relations=("next", "after"))


def test_other_words(trained: Run, seen: PackedGraphs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(domains.TASKS, "causal", lambda _: domains.Task(OtherWords(40)))
    with pytest.raises(DataError, match=r"the model knows other relations: expected .*'after'"):
        opened(trained, seen, ["domain=causal"])
    monkeypatch.setitem(domains.TASKS, "kg", lambda _: domains.Task(MarkedChains(400)))
    assert opened(trained, seen, ["domain=kg"], split="test").config.domain == "kg"


def test_names() -> None:
    require_name("longer_48")
    for name in ("test", "all", "", "../x", "a b"):
        with pytest.raises(ConfigError, match="name: expected letters"):
            require_name(name)
