"""What a configuration opens: the source, the second witness, the user's files read at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from nsm.config import Config, load_config
from nsm.data.causal.confirm import confirmed_share
from nsm.data.causal.network_source import NetworkSource
from nsm.data.causal.source import CausalSource
from nsm.data.kg.clutrr import ClutrrSource
from nsm.data.kg.source import KgSource
from nsm.data.own.imported_source import ImportedSource
from nsm.data.packed import PackedGraphs
from nsm.data.planning.source import PlanningSource, Shard
from nsm.data.triples import Sample
from nsm.data.writing import write_packed
from nsm.errors import ConfigError, DataError
from nsm.pipeline import domains
from nsm.pipeline.domains import Task, open_task
from tests.data.kg.stories import write_stories
from tests.data.kg.toy_facts import toy_folder
from tests.training.toy_graphs import MarkedChains

DOMAIN = """(define (domain lamps) (:predicates (lit ?x) (near ?x ?y))
  (:action pass :parameters (?x ?y) :precondition (and (lit ?x) (near ?x ?y)) :effect (and (lit ?y) (not (lit ?x)))))
"""
PROBLEM = """(define (problem one) (:domain lamps) (:objects a b)
  (:init (lit a) (near a b)) (:goal (lit b)))
"""


NETWORK = """variable a { type discrete [ 2 ] { 0, 1 }; }
variable b { type discrete [ 2 ] { 0, 1 }; }
probability ( a ) { table 0.5, 0.5; }
probability ( b | a ) { (0) 0.1, 0.9; (1) 0.6, 0.4; }
"""


@pytest.fixture(autouse=True)
def _planning_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tests of the pipeline have a toy domain instead."""
    monkeypatch.setitem(domains.TASKS, "planning", domains._planning)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's problem with a plan."""
    place = tmp_path / "lamps"
    place.mkdir()
    (place / "domain.pddl").write_text(DOMAIN)
    (place / "one.pddl").write_text(PROBLEM)
    (place / "one.plan").write_text("(pass a b)\n")
    return place


def opened(**planning: object) -> Task:
    return open_task(load_config(None, [], planning=planning))


def packed(folder: Path, source: PlanningSource, samples: Sequence[Sample]) -> PackedGraphs:
    write_packed(folder, source.schema, [replace(one, info={**one.info, "split": "test"}) for one in samples])
    return PackedGraphs.open(folder)


def test_every_domain_of_the_configuration_can_be_opened() -> None:
    assert set(get_args(Config.model_fields["domain"].annotation)) == set(domains.TASKS)


def test_the_source_is_that_of_the_configuration() -> None:
    config = Config.from_constants(SEED=7, PLANNING={"graphs": 40, "domains": ("ferry", "grid")})
    source = open_task(config).source
    assert source == PlanningSource(config.planning, 7)
    assert sum(shard.count for shard in source.shards()) == 20
    assert {shard.family for shard in source.shards()} == {"ferry", "grid"}


def test_a_wrong_label_is_not_confirmed(tmp_path: Path) -> None:
    task = opened(graphs=40, domains=("ferry",))
    assert isinstance(task.source, PlanningSource)
    assert task.confirm is not None
    assert task.local_probes is not None
    samples = task.source.make(Shard("ferry", 0, 4))
    assert len(samples) > 4
    assert task.confirm(packed(tmp_path / "right", task.source, samples)) == 1.0
    wrong = [replace(samples[0], label=1 - samples[0].label), *samples[1:]]
    found = task.confirm(packed(tmp_path / "wrong", task.source, wrong))
    assert found == pytest.approx(1 - 1 / len(samples))


def test_causal_scenarios_are_those_of_the_configuration() -> None:
    config = load_config(None, [], domain="causal", causal={"graphs": 40}, seed=7)
    task = open_task(config)
    assert task.source == CausalSource(config.causal, 7)
    assert task.confirm is confirmed_share


def test_an_own_network_is_read_at_once(tmp_path: Path) -> None:
    file = tmp_path / "two.bif"
    file.write_text(NETWORK)
    config = load_config(None, [], domain="causal", causal={"graphs": 40, "bif": file})
    source = open_task(config).source
    assert isinstance(source, NetworkSource)
    assert source.schema.node_types == ("a", "b")
    file.write_text(NETWORK.replace("0.1, 0.9", "0.1, 0.8"))
    with pytest.raises(DataError, match=r"the sum 1, got 0\.9") as caught:
        open_task(config)
    assert (caught.value.file, caught.value.line) == (str(file), 4)


@pytest.mark.needs_networks
def test_a_named_network_is_that_of_its_name() -> None:
    task = open_task(load_config(None, [], domain="causal", causal={"network": "sachs"}))
    assert isinstance(task.source, NetworkSource)
    assert len(task.source.schema.node_types) == 11
    assert "sachs" in task.origin
    assert task.confirm is not None
    with pytest.raises(DataError, match="unknown network 'sahcs'"):
        open_task(load_config(None, [], domain="causal", causal={"network": "sahcs"}))


def test_the_users_files_are_read_at_once(folder: Path) -> None:
    (folder / "one.pddl").write_text(PROBLEM.replace("(near a b)", "\n(neer a b)"))
    with pytest.raises(DataError, match="undeclared predicate 'neer'") as caught:
        opened(pddl=folder)
    assert (caught.value.file, caught.value.line) == (str(folder / "one.pddl"), 3)
    (folder / "one.pddl").write_text(PROBLEM)
    assert {shard.family for shard in opened(pddl=folder).source.shards()} == {"lamps"}


def test_a_knowledge_graph(tmp_path: Path) -> None:
    task = open_task(load_config(None, [], domain="kg", kg={"graph": toy_folder(tmp_path / "one")}))
    assert isinstance(task.source, KgSource)
    assert task.shared_entities is None
    assert task.features is not None and task.confirm is not None
    samples = task.source.make(task.source.shards()[0])
    write_packed(tmp_path / "packed", task.source.schema, samples)
    assert task.confirm(PackedGraphs.open(tmp_path / "packed")) == 1.0
    other = {"graph": tmp_path / "one", "inductive": toy_folder(tmp_path / "two", prefix="x")}
    pair = open_task(load_config(None, [], domain="kg", kg=other))
    assert pair.shared_entities is not None
    assert pair.shared_entities(PackedGraphs.open(tmp_path / "packed")) > 0  # of one graph, in all splits


def test_a_wrong_fact_is_told_at_once(tmp_path: Path) -> None:
    file = toy_folder(tmp_path / "one") / "test.txt"
    file.write_text("e0\tlikes\n")
    with pytest.raises(DataError, match="got 2") as caught:
        open_task(load_config(None, [], domain="kg", kg={"graph": tmp_path / "one"}))
    assert (caught.value.file, caught.value.line) == (str(file), 1)


def test_stories(tmp_path: Path) -> None:
    task = open_task(load_config(None, [], domain="kg", kg={"clutrr": write_stories(tmp_path / "stories")}))
    assert isinstance(task.source, ClutrrSource)
    assert task.confirm is not None
    write_packed(tmp_path / "packed", task.source.schema, task.source.make(range(4)))
    assert task.confirm(PackedGraphs.open(tmp_path / "packed")) == 1.0
    (tmp_path / "stories" / "1.3_test.csv").unlink()
    with pytest.raises(DataError, match="expected stories"):
        open_task(load_config(None, [], domain="kg", kg={"clutrr": tmp_path / "stories"}))


def test_plan_files_are_read_where_plans_come_from_files(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "plans"
    elsewhere.mkdir()
    (elsewhere / "one.plan").write_text("; found by hand\n(pass a)\n")
    opened(pddl=folder)
    opened(pddl=folder, plan_source="files")  # those beside the problems
    with pytest.raises(DataError, match="takes 2 arguments, came 1") as caught:
        opened(pddl=folder, plans=elsewhere, plan_source="files")
    assert (caught.value.file, caught.value.line) == (str(elsewhere / "one.plan"), 2)


def plain_source(config: Config) -> MarkedChains:
    """A source of one's own."""
    return MarkedChains(2 * config.seed)


def whole_task(config: Config) -> Task:
    """The same with more to say."""
    return Task(plain_source(config), confirm=lambda _: 0.5, origin="drawn", licence="mine")


def no_source(config: Config) -> int:
    return config.seed


def no_source_in_it(config: Config) -> Task:
    return Task(None, folder=Path(str(config.seed)))


def test_a_source_of_ones_own() -> None:
    here = "tests.pipeline.test_domains"
    plain, whole = (
        open_task(load_config(None, [f"own.source={here}:{name}"], domain="own", seed=21))
        for name in ("plain_source", "whole_task")
    )
    for task in (plain, whole):
        assert isinstance(task.source, ImportedSource)
        assert task.source.made == MarkedChains(42)
    assert (plain.confirm, plain.origin) == (None, f"made by {here}:plain_source")
    assert whole.confirm is not None and (whole.origin, whole.licence) == ("drawn", "mine")
    for name in ("no_source", "no_source_in_it"):
        with pytest.raises(ConfigError, match=f"own.source: expected {here}:{name} to give a source of graphs"):
            open_task(load_config(None, [f"own.source={here}:{name}"], domain="own"))
    with pytest.raises(ConfigError, match=r"own\.data: expected a folder, got nothing") as caught:
        open_task(load_config(None, [], domain="own"))
    assert caught.value.hint is not None and "own.source" in caught.value.hint
