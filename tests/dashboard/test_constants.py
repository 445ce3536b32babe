from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nsm.config import Config
from nsm.dashboard.constants import overview, settings
from nsm.errors import ConfigError


def test_constants_become_a_configuration() -> None:
    namespace = {"DOMAIN": "causal", "EPOCHS": 3, "LEARNING_RATE": 1e-3, "ROOT": "runs", "epochs": 99, "Config": Config}
    config = settings(namespace)
    assert (config.domain, config.epochs, config.learning_rate, config.root) == ("causal", 3, 1e-3, Path("runs"))


def test_none_means_the_default_of_the_domain() -> None:
    config = settings({"DOMAIN": "kg", "EPOCHS": None, "CYCLE_WEIGHT": None})
    assert config == Config(domain="kg")


def test_tables_are_dictionaries() -> None:
    assert settings({"PLANNING": {"graphs": 500}}).planning.graphs == 500


@pytest.mark.parametrize("name", ["LR", "LEARNING_RATE"])
@pytest.mark.parametrize("change", ["lr", "learning_rate"])
def test_changes_beat_constants_by_either_name(name: str, change: str) -> None:
    assert settings({name: 1e-3, "CYCLE_WEIGHT": 0.4}, **{change: 1e-4}, cycle_weight=0.1).learning_rate == 1e-4


def test_a_change_to_none_takes_the_constant_away() -> None:
    assert settings({"RUN": "first"}, run=None).run is None


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("EPOCH", "EPOCHS"),
        ("BATCHSIZE", "BATCH_SIZE"),
        ("DOMAINS", "DOMAIN"),
        ("BATCH", "BATCH_SIZE"),
        ("LEVELS", "NUM_LEVELS"),
        ("SAVE", "SAVE_EVERY or SAVE_MINUTES"),
    ],
)
def test_a_misspelt_constant_is_told_with_the_right_name(wrong: str, right: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean {right}") as caught:
        settings({wrong: 1})
    assert right in str(caught.value.hint)


def test_other_constants_are_left_alone() -> None:
    assert settings({"FIGURES": 3, "PI": 3.14, "TEST_FOLDER": "x", "EPOCH": object(), "SEARCH": True}) == Config()


def test_a_wrong_value_names_the_key() -> None:
    with pytest.raises(ConfigError, match="epochs: expected a whole number, got 'ten'"):
        settings({"EPOCHS": "ten"})


@pytest.mark.parametrize("three", [np.int64(3), np.array(3), torch.tensor(3)])
def test_a_number_of_another_library_is_one(three: object) -> None:
    config = settings({"EPOCHS": three, "LEARNING_RATE": np.float32(0.5), "DETERMINISTIC": np.bool_(True)})
    assert (config.epochs, config.learning_rate, config.deterministic) == (3, 0.5, True)


@pytest.mark.parametrize("value", [object(), np.arange(3), {3}, 3j])
def test_a_setting_of_a_wrong_kind_is_never_ignored(value: object) -> None:
    with pytest.raises(ConfigError, match="epochs: expected a whole number"):
        settings({"EPOCHS": value})


def test_none_leaves_the_other_name_of_the_same_setting_alone() -> None:
    assert settings({"LR": None, "LEARNING_RATE": 0.5}).learning_rate == 0.5


def test_both_names_of_one_setting_are_refused() -> None:
    with pytest.raises(ConfigError, match="one setting"):
        settings({"LR": 1e-3, "LEARNING_RATE": 1e-4})


def test_the_overview_shows_what_matters_and_what_differs() -> None:
    table = overview(Config(domain="kg", dropout=0.1, kg={"dataset": "nations"}))
    rows = dict(zip(table.column("setting"), table.rows, strict=True))
    assert rows["epochs"][1:] == ("12", "12")
    assert rows["dropout"][1:] == ("0.1", "0")
    assert rows["kg.dataset"][1:] == ("nations", "umls")
    assert "tf32" not in rows and "kg" not in rows


def test_the_overview_knows_which_data_have_defaults_of_their_own() -> None:
    table = overview(Config(domain="kg", batch_size=32, kg={"clutrr": Path("stories")}))
    rows = dict(zip(table.column("setting"), table.rows, strict=True))
    assert rows["epochs"][1:] == ("60", "60") and rows["num_levels"][1:] == ("2", "2")
    assert rows["batch_size"][1:] == ("32", "64")
    assert rows["kg.clutrr"][1:] == ("stories", None)
    assert "refine_blocks" not in rows
