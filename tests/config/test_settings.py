"""The typed configuration itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nsm.config import Config, PlanningConfig, load_config
from nsm.config.own import MODELS
from nsm.config.settings import DOMAIN_DEFAULTS
from nsm.data.planning.generators import GENERATORS
from nsm.errors import ConfigError

FLOATS = {"allow_nan": False, "allow_infinity": False}


@given(
    st.builds(
        Config,
        seed=st.integers(0, 2**31 - 1),
        learning_rate=st.floats(0, 10, exclude_min=True, **FLOATS),
        cycle_weight=st.floats(0, 1e300, **FLOATS),
        num_levels=st.just(2),
        blocks=st.integers(1, 9) | st.tuples(st.integers(1, 9), st.integers(1, 9)),
        root=st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(Path),
        run=st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]*", fullmatch=True),
        planning=st.builds(
            PlanningConfig, domains=st.lists(st.sampled_from(list(GENERATORS)), min_size=1, unique=True).map(tuple)
        ),
    )
)
def test_toml_gives_back_the_same_configuration(tmp_path_factory: pytest.TempPathFactory, config: Config) -> None:
    file = tmp_path_factory.mktemp("toml") / "config.toml"
    file.write_bytes(config.to_toml().encode())
    assert load_config(file) == config


def test_the_planning_domains_are_those_that_can_be_generated() -> None:
    assert PlanningConfig().domains == tuple(GENERATORS)
    assert load_config(None, [f"planning.domains={','.join(reversed(GENERATORS))}"])


def test_constants_of_a_notebook() -> None:
    config = Config.from_constants(DOMAIN="planning", EPOCHS=5, LR=0.1, PLANNING={"graphs": 50})
    assert config == load_config(None, [], epochs=5, learning_rate=0.1, planning={"graphs": 50})
    with pytest.raises(ConfigError) as caught:
        Config.from_constants(EPOCH=5)
    assert caught.value.hint == "did you mean 'epochs'?"


def test_nothing_changes_afterwards() -> None:
    config = Config()
    with pytest.raises(ValidationError):
        config.epochs = 3  # type: ignore[misc]


def test_domains_have_defaults_of_their_own() -> None:
    for domain, defaults_of in DOMAIN_DEFAULTS.items():
        defaults = defaults_of({})
        config = load_config(None, [], domain=domain)
        assert {key: getattr(config, key) for key in defaults} == defaults
        assert load_config(None, ["epochs=3"], domain=domain).epochs == 3
        assert Config.model_validate(config.model_dump()) == config
        assert config.epochs != Config().epochs == Config.model_fields["epochs"].default


def test_one_number_of_blocks_is_that_of_the_concrete_level() -> None:
    assert Config(num_levels=4, blocks=3).blocks_per_level == (3, 1, 1, 1)
    assert Config(num_levels=1, blocks=3).blocks_per_level == (3,)
    assert Config(num_levels=2, blocks=(1, 2)).blocks_per_level == (1, 2)


def test_paths_that_mean_the_same_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    relative = load_config(None, ["root=~/runs", "planning.pddl=own"], seed=3)
    found = relative.with_absolute_paths()
    assert (found.root, found.cache, found.planning.pddl) == (tmp_path / "home" / "runs", None, tmp_path / "own")
    assert (found.seed, found.planning.plans) == (3, None)
    assert found.with_absolute_paths() == found


@pytest.mark.parametrize("key", ["auxiliary_weight", "balance_weight", "decode_weight"])
def test_terms_of_the_loss_that_a_model_has_not_are_refused(key: str) -> None:
    for model in MODELS[1:]:
        with pytest.raises(ConfigError) as caught:
            load_config(None, [f"model={model}", f"{key}=0.25"])
        told = caught.value.message
        assert told.startswith(f"{key}: only the hierarchy has this term of the loss: leave it out, or set model to")
        assert f"with '{model}' expected 0, got 0.25" in told
        assert getattr(load_config(None, [f"model={model}", f"{key}=0"]), key) == 0
    for model in (MODELS[0], "my_models:Star"):
        assert getattr(load_config(None, [f"model={model}", f"{key}=0.25"]), key) == 0.25


def test_networks_without_weights_of_relations_share_none() -> None:
    for model in MODELS[2:]:
        with pytest.raises(ConfigError, match=f"num_bases: '{model}' has no weights of relations to share"):
            load_config(None, [f"model={model}", "num_bases=4"])
    for model in (*MODELS[:2], "my_models:Star"):
        assert load_config(None, [f"model={model}", "num_bases=4"]).num_bases == 4


@pytest.mark.parametrize("key", ["balance_weight", "decode_weight"])
def test_one_level_has_no_clusters_and_rebuilds_nothing(key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: a single level has no other above"):
        load_config(None, [f"{key}=0.25", "num_levels=1"])
    assert load_config(None, [f"{key}=0", "num_levels=1"]).num_levels == 1
    assert load_config(None, [f"{key}=0.25", "num_levels=2"]).num_levels == 2
    assert load_config(None, [f"{key}=0.25", "num_levels=1", "model=my_models:Star"]).num_levels == 1


def test_boosting_counts_in_full_precision() -> None:
    for precision in ("bf16-mixed", "16-mixed"):
        with pytest.raises(ConfigError, match="precision: boosting counts in full precision"):
            load_config(None, ["model=boosting", f"precision={precision}"])
        assert load_config(None, ["model=majority", f"precision={precision}"]).precision == precision
    assert load_config(None, ["model=boosting", "precision=32-true"]).model == "boosting"


def test_what_is_read_from_the_reconstruction_counts_with_its_error() -> None:
    with pytest.raises(ConfigError, match="decode_weight: it counts with the reconstruction error: set cycle_weight"):
        load_config(None, ["decode_weight=0.25", "cycle_weight=0"])
    assert load_config(None, ["decode_weight=0.25", "cycle_weight=0.1"]).term_weights["decode_weight"] == 0.25


def test_the_table_of_the_domain() -> None:
    config = Config(planning=PlanningConfig(allow_leaks=True))
    assert config.domain_table is config.planning
