from __future__ import annotations

import re
from pathlib import Path

import pytest

from nsm.cloud.orders import (
    GPUS,
    Order,
    check_arguments,
    check_idle_minutes,
    choose_gpus,
    make_orders,
    new_name,
    seconds_of,
)
from nsm.config import load_config
from nsm.errors import ConfigError


def read(order: Order, folder: Path) -> object:
    file = folder / "sent.toml"
    file.write_text(order.config)
    return load_config(file)


def test_one_order_for_each_domain_with_its_own_defaults(tmp_path: Path) -> None:
    orders = make_orders(overrides="channels=16")
    assert [order.domain for order in orders] == ["causal", "planning", "kg"]
    assert len({order.run for order in orders}) == 1
    for order in orders:
        wanted = load_config(None, ["channels=16"], domain=order.domain)
        assert read(order, tmp_path) == wanted


def test_options_beat_the_file_and_places_of_this_machine_stay_here(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('epochs = 3\nroot = "/home/me"\nrun = "old"\ncache = "/tmp"\n[causal]\ngraphs = 200\n')
    (order,) = make_orders("causal", config=file, overrides="lr=0.01", run="night", epochs=7, seed=None)
    sent = read(order, tmp_path)
    assert (sent.epochs, sent.learning_rate, sent.causal.graphs, order.run) == (7, 0.01, 200, "night")  # type: ignore[attr-defined]
    assert "/home/me" not in order.config and "old" not in order.config


def test_a_file_that_names_a_domain_is_for_that_one(tmp_path: Path) -> None:
    file = tmp_path / "kg.toml"
    file.write_text('domain = "kg"\n')
    assert [order.domain for order in make_orders(config=file)] == ["kg"]
    assert [order.domain for order in make_orders("causal", config=file)] == ["causal"]


def test_orders_survive_being_sent() -> None:
    (order,) = make_orders("causal", gpus=("L4",))
    assert Order.from_json(order.to_json()) == order
    assert Order.from_json({"domain": "kg", "run": "a", "config": ""}).gpus == GPUS


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"domains": "causal,causal"}, "expected each once, got causal"),
        ({"domains": "cooking"}, "domain"),
        ({"domains": ","}, "domains: expected their names, separated by commas, got ','"),
        ({"domains": "own"}, "own.data: expected the folder of your data on the volume"),
        ({"overrides": "epocs=3"}, "epocs"),
        ({"overrides": "run='open"}, "--set: No closing quotation"),
        ({"run": "../elsewhere"}, "run: expected letters"),
        ({"config": Path("nowhere.toml")}, "cannot read the configuration"),
    ],
)
def test_mistakes_are_told(how: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        make_orders(**how)  # type: ignore[arg-type]


def test_the_command_line_is_checked_before_anything_is_sent() -> None:
    check_arguments(["modal", "run", "--detach", "x.py", "--domains", "causal", "--epochs", "3", "--gpu", "H100"])
    for wrong in (["--epochs", "many"], ["--domains=cooking"], ["--set", "lr=-1"], ["--seed"]):
        with pytest.raises(ConfigError):
            check_arguments(["modal", "run", "x.py", *wrong])


def test_gpus_in_the_order_of_preference() -> None:
    assert choose_gpus([], {}) == GPUS == ("A100-40GB", "A100-80GB", "H100")
    assert choose_gpus([], {"NSM_GPU": "l4, h100:1"}) == ("L4", "H100:1")
    assert choose_gpus(["run", "--gpu=T4"], {"NSM_GPU": "L4"}) == ("T4",)
    assert choose_gpus(["run", "--gpu", "T4,L4"], {}) == ("T4", "L4")
    for wrong in ("TURBO", ","):
        with pytest.raises(ConfigError, match="gpu: expected one of A10, "):
            choose_gpus(["--gpu", wrong], {})
    for wrong in ("H100:0", "H100:2", "H100:many", "H100:"):
        with pytest.raises(ConfigError, match="gpu: expected one, which is what a training uses"):
            choose_gpus(["--gpu", wrong], {})


def test_minutes_of_idleness_are_a_time() -> None:
    check_idle_minutes(["run", "x.py"])
    check_idle_minutes(["run", "x.py", "--idle-minutes", "0.05"])
    for wrong in (["--idle-minutes", "0"], ["--idle-minutes=-1"], ["--idle-minutes=nan"], ["--idle-minutes", "inf"]):
        with pytest.raises(ConfigError, match="idle-minutes: expected a number above 0"):
            check_idle_minutes(["run", "x.py", *wrong])


def test_limits_from_the_environment() -> None:
    assert seconds_of({}, "NSM_TIMEOUT", 100) == 100
    assert seconds_of({"NSM_TIMEOUT": "30"}, "NSM_TIMEOUT", 100) == 30
    for wrong in ("0", "101", "soon", "-1"):
        with pytest.raises(ConfigError, match="NSM_TIMEOUT: expected seconds"):
            seconds_of({"NSM_TIMEOUT": wrong}, "NSM_TIMEOUT", 100)


def test_names_are_those_of_runs() -> None:
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", new_name()) and new_name() != new_name()
