"""The table of the causal data, and what is different by default where it is trained on."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from nsm.config import CausalConfig, Config, load_config
from nsm.config.causal import causal_defaults
from nsm.errors import ConfigError


def test_causal_data_has_defaults_of_its_own() -> None:
    config = load_config(None, [], domain="causal")
    defaults = causal_defaults({})
    assert {key: getattr(config, key) for key in defaults} == defaults
    assert defaults["epochs"] != Config.model_fields["epochs"].default == Config().epochs
    assert load_config(None, ["epochs=3"], domain="causal").epochs == 3
    assert load_config(None, ["num_levels=3"], domain="causal").blocks_per_level == (2, 1, 1)
    assert Config.model_validate(config.model_dump()) == config


def test_questions_about_a_network_are_seen_more_often(tmp_path: Path) -> None:
    scenarios = load_config(None, [], domain="causal")
    for table in ({"network": "asia"}, {"bif": tmp_path}):
        config = load_config(None, [], domain="causal", causal=table)
        assert config.epochs > scenarios.epochs
        assert config.causal.num_graphs < scenarios.causal.num_graphs
    assert load_config(None, ["epochs=2"], domain="causal", causal={"network": "asia"}).epochs == 2
    assert Config(domain="causal", causal=CausalConfig(network="asia")).epochs > scenarios.epochs
    assert CausalConfig(graphs=30).num_graphs == 30


def test_scenarios_and_networks_have_other_hierarchies() -> None:
    keys = ("learning_rate", "average_share", "num_levels", "blocks", "refine_blocks", "cycle_weight")

    def of(**table: str) -> tuple[object, ...]:
        config = load_config(None, [], domain="causal", causal=table)
        return tuple(getattr(config, key) for key in keys)

    assert of() == (4e-3, 0.33, 2, 2, 3, 0.15)
    assert of(network="asia") == (2e-3, 0.0, 3, 3, 3, 1.5)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"min_variables": 4}, "at least 5"),
        ({"max_variables": 17}, "at most 16"),
        ({"min_variables": 9, "max_variables": 8}, r"at most max_variables \(8\), got 9"),
        ({"rungs": ("association", "association")}, "each rung once"),
        ({"network": "asia", "bif": "a.bif"}, "got both"),
        ({"network": "asia", "rungs": ("counterfactual",)}, "no counterfactual"),
    ],
)
def test_what_does_not_go_together(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError):
        CausalConfig.model_validate(wrong)
    with pytest.raises(ConfigError, match=words):
        load_config(None, [], causal=wrong)
