"""The knowledge graph in the configuration."""

from __future__ import annotations

import pytest

from nsm.config import Config, KgConfig, load_config
from nsm.errors import ConfigError


def test_what_is_tested_on_needs_a_graph_to_train_on() -> None:
    assert load_config(None, ["domain=kg", "kg.graph=old", "kg.inductive=new"]).kg.inductive is not None
    with pytest.raises(ConfigError, match=r"kg.inductive: the graph to train on is missing: set kg.graph as well"):
        load_config(None, ["kg.inductive=new"])


def test_stories_and_a_graph_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match=r"kg.clutrr: stories and a graph cannot be trained on together"):
        load_config(None, ["kg.clutrr=stories", "kg.graph=old"])


def test_stories_have_nothing_to_rank() -> None:
    assert load_config(None, ["domain=kg"]).kg.has_ranking
    assert not load_config(None, ["domain=kg", "kg.ranking=false"]).kg.has_ranking
    assert not load_config(None, ["domain=kg", "kg.clutrr=stories"]).kg.has_ranking


def test_stories_are_seen_more_often_and_passed_on_farther() -> None:
    def of(**keys: object) -> tuple[object, ...]:
        config = load_config(None, [], domain="kg", **keys)
        return config.epochs, config.learning_rate, config.num_levels, config.blocks, config.refine_blocks

    assert of(kg={"clutrr": "stories"}) == of(kg={"clutrr": "stories"}, batch_size=32) == (60, 4e-3, 2, 1, 4)
    assert of() == of(kg={"hops": 3}) == (12, 2e-3, 3, 2, 2)
    assert of(kg={"clutrr": "stories"}, epochs=3, refine_blocks=1) == (3, 4e-3, 2, 1, 1)
    assert Config(domain="kg", kg=KgConfig(clutrr="stories")).epochs == 60
